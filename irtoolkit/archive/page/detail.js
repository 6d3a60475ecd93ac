'use strict';

/* One slide, large: its picture before and after, close-ups, and all its figures. */

const detail = {list: [], at: 0, opener: null};

function openDetail(list, at) {
  detail.list = list;
  detail.opener = document.activeElement;
  byId('detail').showModal();
  showDetail(at);
}

function showDetail(at) {
  if (at < 0 || at >= detail.list.length) return;
  detail.at = at;
  const slide = detail.list[at];
  byId('detail').replaceChildren(detailHead(slide), make('div', {class: 'columns'},
    make('div', {class: 'pictures'}, ...viewer(slide), closeUps(slide), markCrops(slide)),
    make('div', {class: `facts ${slide.state}`}, state(slide), reasons(slide), detailFigures(slide))));
  byId('detail').scrollTop = 0;
  if (slide.pictures) { setSplit(view.split); showOutlines(view.outlined); }
  byId('detail').querySelector('.head .next').focus();
}

function detailHead(slide) {
  const step = (by, sign, label) => make('button', {type: 'button', class: by > 0 ? 'next' : 'previous', 'aria-label': label, title: label,
    'aria-disabled': String(!detail.list[detail.at + by]), click: () => showDetail(detail.at + by)}, sign);
  return make('div', {class: 'head'}, make('h2', {id: 'detail-name'}, ...nameOf(slide)),
    make('span', {class: 'place'}, `${(detail.at + 1).toLocaleString('en')} of ${detail.list.length.toLocaleString('en')}`),
    step(-1, '‹', 'Previous slide'), step(1, '›', 'Next slide'),
    make('button', {type: 'button', class: 'close', 'aria-label': 'Close', title: 'Close', click: () => byId('detail').close()}, '×'));
}

function detailFigures(slide) {
  const known = Object.entries(FIGURES).filter(([name]) => figureText(slide, name) !== '–');
  const measured = known.map(([name, {label, about}]) => make('tr', {}, make('th', {scope: 'row'}, label),
    make('td', {}, figureText(slide, name)), make('td', {class: 'about'}, about)));
  const described = Object.entries({roll: 'Roll', ...DESCRIBED}).filter(([name]) => slide[name]).map(([name, label]) =>
    make('tr', {}, make('th', {scope: 'row'}, label), make('td', {colspan: 2, class: 'text'}, String(slide[name]))));
  return make('table', {class: 'facts'}, make('tbody', {}, ...measured, ...described));
}

function detailKey(event) {
  if (detail.list[detail.at].pictures && viewerKey(event)) return true;
  const step = {j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1}[event.key];
  if (step) showDetail(detail.at + step);
  return Boolean(step);
}

/* Closing leads back to the slide seen last, not to the one opened first. */
function detailClosed() {
  const slide = detail.list[detail.at];
  if (page.view === 'all' && detail.list === table.shown) focusRow(table.shown.indexOf(slide));
  else if (page.view === 'look' && detail.list === shortList.shown) focusCard(detail.at);
  else if (detail.opener?.isConnected) detail.opener.focus();
}
