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

function note(...children) {
  return make('p', {class: 'note'}, ...children);
}

function noMatch(noun) {
  return [`No ${noun} matches. `, make('button', {type: 'button', click: clearFilters}, 'Clear filter')];
}

function state(slide) {
  const [sign, known] = STATES[slide.state] || ['?', String(slide.state)];
  const word = slide.state === 'done' ? verdict(slide) || known : known;
  return make('span', {class: `state ${slide.state}`}, make('span', {'aria-hidden': 'true'}, sign), ` ${word}`);
}

/* What a person has decided: accepted, rejected, or nothing. */
function verdict(slide) {
  return (slide.decision || '').split('; ').find(part => part === 'accepted' || part === 'rejected');
}

function reasons(slide) {
  return make('ul', {class: 'reasons'}, ...[slide.reason, ...slide.review.split('; ')].filter(Boolean).map(reason => make('li', {}, reason)));
}

function figures(slide, names) {
  const pairs = names.map(name => make('div', {title: FIGURES[name].about},
    make('dt', {}, FIGURES[name].label), make('dd', {}, figureText(slide, name))));
  return make('dl', {class: 'figures'}, ...pairs);
}
