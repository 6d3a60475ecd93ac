'use strict';

/* The picture of an opened slide: before and healed in one place, parted by a divider; zoomed, and moved by dragging.
   `zoom` is the number of pixels on the screen for one of the picture, `x` and `y` where its
   corner is, `reduced` the number of the scan's rows that one row of the picture shows. */

const MOST_ZOOM = 8;
const STEP = 1.25;
const view = {split: 0.5, outlined: true, zoom: 1, reduced: 1, x: 0, y: 0, fitted: true, box: null, width: 0, height: 0};

function viewer(slide) {
  if (!slide.pictures) return [note('No pictures: the slide was not cleaned.')];
  view.box = make('div', {class: 'stage', role: 'group', 'aria-label': 'Picture: drag to move, wheel to zoom'},
    make('div', {class: 'pane'}, layer(slide, 'healed', 'Healed')),
    make('div', {class: 'pane before'}, layer(slide, 'scan', 'Scan'), layer(slide, 'mask', 'Scan with marks outlined')),
    make('span', {class: 'side left', 'aria-hidden': 'true'}, 'before'), make('span', {class: 'side right', 'aria-hidden': 'true'}, 'healed'), divider());
  Object.assign(view, {fitted: true, width: 0, height: 0, label: make('output', {'aria-label': 'Zoom'}), scale: make('p', {class: 'scale'})});
  listenToStage(view.box);
  new ResizeObserver(() => view.fitted ? fit() : place()).observe(view.box);
  return [toolbar(), view.box, view.scale];
}

function toolbar() {
  const key = letter => make('kbd', {'aria-hidden': 'true'}, letter);
  const side = (name, label, letter) => make('button', {type: 'button', 'data-side': name, click: () => showSide(name)}, label, ' ', key(letter));
  const tool = (label, sign, click) => make('button', {type: 'button', 'aria-label': label, title: label, click}, sign);
  return make('div', {class: 'choices', role: 'toolbar', 'aria-label': 'Picture'},
    side('before', 'Before', 's'), side('both', 'Both', 'b'), side('healed', 'Healed', 'h'),
    make('button', {type: 'button', class: 'outlines', click: toggleOutlines}, 'Outlines ', key('m')), make('span', {class: 'gap'}),
    tool('Zoom out', '−', () => zoomBy(1 / STEP)), view.label, tool('Zoom in', '+', () => zoomBy(STEP)),
    tool('Fit the picture', 'Fit', fit), tool('One pixel of the picture on one of the screen', '1:1', () => zoomTo(1)));
}

function layer(slide, kind, label) {
  const image = make('img', {class: `layer ${kind}`, alt: `${label}: ${slide.slide}`, draggable: 'false', decoding: 'async'});
  image.addEventListener('load', () => measure(slide, image));
  image.addEventListener('error', () => lose(image, kind));
  image.src = `${slide.pictures}/${kind}.jpg`;
  return image;
}

/* Without a healed picture there is nothing to compare. */
function lose(image, kind) {
  if (!view.box.contains(image)) return;
  image.replaceWith(...kind === 'scan' ? [note('This picture is missing from the folder “report”.')] : []);
  if (kind !== 'healed') return;
  view.box.classList.add('single');
  showSide('before');
}

function measure(slide, image) {
  if (!view.width && view.box.contains(image)) {
    Object.assign(view, {width: image.naturalWidth, height: image.naturalHeight});
    const step = Math.max(1, Math.round(Math.sqrt((slide.megapixels || 0) * 1e6 / (view.width * view.height))));
    view.reduced = step;
    fit();
    view.scale.textContent = step > 1 ? `Reduced: one pixel of this picture shows ${step} by ${step} of the scan. The crops below are at 100 %.`
      : 'At 100 %, one pixel of the screen shows one of the scan.';
  }
  place();
}

function divider() {
  const handle = make('div', {class: 'divider', role: 'slider', tabindex: 0, 'aria-label': 'Divider between before and healed',
    'aria-orientation': 'horizontal', 'aria-valuemin': 0, 'aria-valuemax': 100});
  const follow = event => {
    const box = view.box.getBoundingClientRect();
    setSplit((event.clientX - box.left) / box.width);
  };
  handle.addEventListener('pointerdown', event => { event.stopPropagation(); handle.setPointerCapture(event.pointerId); follow(event); });
  handle.addEventListener('pointermove', event => { if (handle.hasPointerCapture(event.pointerId)) follow(event); });
  handle.addEventListener('keydown', event => {
    const split = {ArrowLeft: view.split - 0.02, ArrowRight: view.split + 0.02, Home: 0, End: 1}[event.key];
    if (split === undefined || event.shiftKey) return;
    setSplit(split);
    event.stopPropagation();
    event.preventDefault();
  });
  return handle;
}

function setSplit(split) {
  view.split = view.box?.classList.contains('single') ? 1 : Math.min(Math.max(split, 0), 1);
  if (!view.box) return;
  const share = `${(100 * view.split).toFixed(2)}%`;
  view.box.style.setProperty('--split', share);
  view.box.querySelector('.divider').setAttribute('aria-valuenow', Math.round(100 * view.split));
  const side = {0: 'healed', 1: 'before'}[view.split] || 'both';
  view.box.classList.toggle('both', side === 'both');
  for (const button of byId('detail').querySelectorAll('[data-side]')) button.setAttribute('aria-pressed', String(button.dataset.side === side));
}

function showSide(side) {
  setSplit({before: 1, both: 0.5, healed: 0}[side]);
}

function showOutlines(outlined) {
  view.outlined = outlined;
  byId('detail').classList.toggle('outlined', outlined);
  byId('detail').querySelector('.outlines')?.setAttribute('aria-pressed', String(outlined));
}

function toggleOutlines() {
  showOutlines(!view.outlined);
}

function listenToStage(stage) {
  stage.addEventListener('wheel', event => {
    event.preventDefault();
    const box = stage.getBoundingClientRect();
    zoomBy(Math.exp(-Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 100) / 400), event.clientX - box.left, event.clientY - box.top);
  }, {passive: false});
  stage.addEventListener('pointerdown', event => { if (event.button === 0) stage.setPointerCapture(event.pointerId); });
  stage.addEventListener('pointermove', event => { if (stage.hasPointerCapture(event.pointerId)) pan(event.movementX, event.movementY); });
}

function pan(x, y) {
  view.x += x;
  view.y += y;
  place();
}

function leastZoom() {
  return Math.min(view.box.clientWidth / view.width, view.box.clientHeight / view.height);
}

function fit() {
  if (!view.width) return;
  view.fitted = true;
  view.zoom = leastZoom();
  place();
}

function zoomBy(factor, x, y) {
  zoomTo(view.zoom * factor, x, y);
}

/* The place at (x, y) of the stage, by default its middle, stays where it is. */
function zoomTo(zoom, x = view.box.clientWidth / 2, y = view.box.clientHeight / 2) {
  if (!view.width) return;
  const wanted = Math.min(Math.max(zoom, Math.min(1, leastZoom())), MOST_ZOOM);
  view.x = x - (x - view.x) * wanted / view.zoom;
  view.y = y - (y - view.y) * wanted / view.zoom;
  view.fitted = false;
  view.zoom = wanted;
  place();
}

/* Put the layers where they are to be: no farther than their edges, and in the middle where there is room. */
function place() {
  if (!view.width) return;
  const within = (at, length, room) => length <= room ? (room - length) / 2 : Math.min(0, Math.max(at, room - length));
  view.x = within(view.x, view.width * view.zoom, view.box.clientWidth);
  view.y = within(view.y, view.height * view.zoom, view.box.clientHeight);
  for (const image of view.box.querySelectorAll('.layer')) {
    image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
    image.classList.toggle('magnified', view.zoom >= 2);
  }
  view.label.textContent = `${Math.round(100 * view.zoom / view.reduced)} %`;
}

function viewerKey(event) {
  const moves = {ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60]};
  const actions = {s: () => showSide('before'), b: () => showSide('both'), h: () => showSide('healed'), m: toggleOutlines,
    '+': () => zoomBy(STEP), '=': () => zoomBy(STEP), '-': () => zoomBy(1 / STEP), 0: fit, 1: () => zoomTo(1)};
  const action = event.shiftKey && moves[event.key] ? () => pan(...moves[event.key]) : actions[event.key];
  action?.();
  return Boolean(action);
}
