'use strict';

/* Elements whose text is always text, and the pictures of a slide. */

const SVG = 'http://www.w3.org/2000/svg';

function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function makeSvg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

function picture(slide, name, alternative, without = 'This picture is missing from the folder “report”.') {
  if (!slide.pictures) return note('No pictures: the slide was not cleaned.');
  const image = make('img', {alt: alternative, decoding: 'async', loading: 'lazy', class: name});
  image.addEventListener('error', () => image.replaceWith(note(without)));
  image.src = `${slide.pictures}/${name}.jpg`;
  return image;
}

function thumbnail(slide) {
  const box = make('span', {class: 'thumb', 'aria-hidden': 'true'});
  if (slide.pictures) {
    const image = make('img', {alt: '', decoding: 'async', loading: 'lazy', error: () => image.remove()});
    image.src = `${slide.pictures}/thumb.jpg`;
    box.append(image);
  }
  return box;
}

function crops(slide) {
  if (!slide.pictures) return '';
  if (slide.defects === 0) return note('Nothing is marked.');
  const without = 'The close-ups are missing from the folder “report”.';
  const shown = picture(slide, 'crops', 'The most changed places: before, with marks outlined, and healed', without);
  const caption = make('figcaption');
  shown.addEventListener('load', () => nameColumns(caption, shown.naturalWidth));
  return make('figure', {class: 'crops'}, caption, shown);
}

/* Crops of 160 pixels: three beside each other, or two if nothing was healed. */
function nameColumns(caption, width) {
  const names = ['before', 'marks', 'healed'].slice(0, width > 2.4 * 160 ? 3 : 2);
  caption.style.width = `${width}px`;
  caption.replaceChildren(...names.map(name => make('span', {}, name)));
}

/* The place that a person should see first; small pictures of it are enlarged. */
function worst(slide) {
  if (!slide.pictures || !isNumber(slide.worst_y)) return '';
  const place = `row ${slide.worst_y.toLocaleString('en')}, column ${slide.worst_x.toLocaleString('en')}`;
  const shown = picture(slide, 'worst', `The most doubtful place, ${place}: visible, infrared, and marks outlined`);
  return make('figure', {class: 'crops worst'}, make('p', {}, `Most doubtful place: ${place}`),
    make('figcaption', {}, ...['visible', 'infrared', 'marks'].map(name => make('span', {}, name))), shown);
}

function closeUps(slide) {
  return make('div', {class: 'close-ups'}, worst(slide), crops(slide));
}

function note(...children) {
  return make('p', {class: 'note'}, ...children);
}

function noMatch(noun) {
  return [`No ${noun} matches. `, make('button', {type: 'button', click: clearFilters}, 'Clear filter')];
}

function state(slide) {
  const [sign, word] = STATES[slide.state] || ['?', String(slide.state)];
  return make('span', {class: `state ${slide.state}`}, make('span', {'aria-hidden': 'true'}, sign), ` ${word}`);
}

function reasons(slide) {
  return make('ul', {class: 'reasons'}, ...[slide.reason, ...slide.review.split('; ')].filter(Boolean).map(reason => make('li', {}, reason)));
}

function figures(slide, names) {
  const pairs = names.map(name => make('div', {title: FIGURES[name].about},
    make('dt', {}, FIGURES[name].label), make('dd', {}, figureText(slide, name))));
  return make('dl', {class: 'figures'}, ...pairs);
}

/* A name may break after its folder, which has its own style. */
function nameOf(slide) {
  const folder = folderOf(slide.slide);
  const parts = folder ? [make('span', {class: 'folder'}, `${folder}/`), make('wbr')] : [];
  return [...parts, folder ? slide.slide.slice(folder.length + 1) : slide.slide];
}
