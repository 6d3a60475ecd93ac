'use strict';

/* One slide, large: scan, marks and healed picture in one place, so that changes show; crops; all figures. */

const KINDS = {scan: 'Scan', mask: 'Marks', healed: 'Healed'};
const detail = {list: [], at: 0, kind: 'mask', opener: null};

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
    make('div', {class: 'pictures'}, ...stage(slide), closeUps(slide)),
    make('div', {class: `facts ${slide.state}`}, state(slide), reasons(slide), detailFigures(slide))));
  byId('detail').scrollTop = 0;
  if (slide.pictures) showKind(detail.kind);
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

function stage(slide) {
  if (!slide.pictures) return [note('No pictures: the slide was not cleaned.')];
  const choices = Object.entries(KINDS).map(([kind, label]) =>
    make('button', {type: 'button', 'data-kind': kind, click: () => showKind(kind)}, label, ' ', make('kbd', {'aria-hidden': 'true'}, label[0].toLowerCase())));
  const pictures = Object.entries(KINDS).map(([kind, label]) => {
    const without = kind === 'healed' ? 'There is no healed picture.' : 'This picture is missing from the folder “report”.';
    const layer = make('div', {class: 'layer', 'data-kind': kind}, picture(slide, kind, `${label}: ${slide.slide}`, without));
    layer.querySelector('img')?.setAttribute('loading', 'eager');
    return layer;
  });
  return [make('div', {class: 'choices', role: 'group', 'aria-label': 'Picture'}, ...choices), make('div', {class: 'stage'}, ...pictures)];
}

function showKind(kind) {
  detail.kind = kind;
  for (const layer of byId('detail').querySelectorAll('.layer')) layer.classList.toggle('front', layer.dataset.kind === kind);
  for (const choice of byId('detail').querySelectorAll('.choices button')) choice.setAttribute('aria-pressed', String(choice.dataset.kind === kind));
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
  const kind = {s: 'scan', m: 'mask', h: 'healed'}[event.key];
  const step = {j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1}[event.key];
  if (kind && detail.list[detail.at].pictures) showKind(kind);
  else if (step) showDetail(detail.at + step);
  else return false;
  return true;
}

/* Closing leads back to the slide seen last, not to the one opened first. */
function detailClosed() {
  const slide = detail.list[detail.at];
  if (page.view === 'all' && detail.list === table.shown) focusRow(table.shown.indexOf(slide));
  else if (page.view === 'look' && detail.list === shortList.shown) focusCard(detail.at);
  else if (detail.opener?.isConnected) detail.opener.focus();
}
