'use strict';

/* All slides as a table; only visible rows are drawn. */

const ROW_HEIGHT = 64;
const AHEAD = 10;
const COLUMNS = [
  {key: 'slide', label: 'Slide', kind: 'name'},
  {key: 'roll', label: 'Roll', kind: 'roll'},
  {key: 'state', label: 'Status', kind: 'status'},
  {key: 'why', label: 'Why', kind: 'why'},
  ...['defects', 'coverage', 'fdr'].map(key => numberColumn(key, 'number')),
  ...['threshold', 'shift_y', 'shift_x', 'blur', 'slopes', 'r2', 'sigma', 'seconds'].map(key => numberColumn(key, 'number further')),
];

const table = {shown: [], cursor: 0, key: '', direction: 1, rows: new Map()};

function numberColumn(key, kind) {
  return {key, label: FIGURES[key].label, about: FIGURES[key].about, kind: `${kind} ${key}`};
}

function buildTable() {
  table.head = make('tr', {'aria-rowindex': 1}, ...COLUMNS.map(headCell));
  table.above = make('tr', {'aria-hidden': 'true'}, make('td'));
  table.below = make('tr', {'aria-hidden': 'true'}, make('td'));
  table.body = make('tbody', {}, table.above, table.below);
  table.element = make('table', {}, make('thead', {}, table.head), table.body);
  table.none = note(...noMatch('slide'));
  byId('all').append(table.element, table.none);
  byId('more').addEventListener('click', toggleFurther);
  let waiting = false;
  const scroller = byId('all');
  const draw = () => { waiting = false; showTable(); };
  const soon = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw); } };
  scroller.addEventListener('scroll', soon, {passive: true});
  window.addEventListener('resize', soon);
}

/* The columns that fit, and those that matter less once they are asked for. */
function toggleFurther() {
  const further = byId('all').classList.toggle('further');
  byId('more').setAttribute('aria-pressed', String(further));
  showTable();
}

/* Draw the rows in sight, and a shadow where the table goes on to the right. */
function showTable() {
  const scroller = byId('all');
  drawRows();
  byId('edge').hidden = scroller.hidden || scroller.scrollWidth - scroller.clientWidth - scroller.scrollLeft < 2;
}

function headCell(column) {
  const press = make('button', {type: 'button', click: () => sortBy(column.key), title: column.about},
    column.label, make('span', {class: 'arrow', 'aria-hidden': 'true'}));
  return make('th', {scope: 'col', class: column.kind, 'aria-sort': 'none'}, press);
}

/* The first press sorts, the second reverses the order, the third restores the order of the files. */
function sortBy(key) {
  const first = key === 'slide' || key === 'roll' || key === 'state' ? 1 : -1;
  if (table.key !== key) [table.key, table.direction] = [key, first];
  else if (table.direction === first) table.direction = -first;
  else [table.key, table.direction] = ['', 1];
  COLUMNS.forEach((column, at) => table.head.children[at].setAttribute('aria-sort',
    column.key !== table.key ? 'none' : table.direction > 0 ? 'ascending' : 'descending'));
  refresh();
}

function sorted(chosen) {
  if (table.key === 'why') return chosen.toSorted((a, b) =>
    Boolean(b.why) - Boolean(a.why) || table.direction * (a.weight - b.weight) || a.index - b.index);
  return table.key ? sortSlides(chosen, table.key, table.direction) : chosen;
}

function fillTable(chosen) {
  const before = table.shown[table.cursor];
  table.shown = sorted(chosen);
  table.cursor = Math.max(0, table.shown.indexOf(before));
  for (const row of table.rows.values()) row.remove();
  table.rows.clear();
  table.element.setAttribute('aria-rowcount', table.shown.length + 1);
  table.none.hidden = table.shown.length > 0;
  byId('all').scrollTop = 0;
  showTable();
}

function drawRows(ahead = AHEAD) {
  const scroller = byId('all');
  if (scroller.hidden) return;
  const top = Math.floor(scroller.scrollTop / ROW_HEIGHT);
  const first = Math.max(0, top - ahead);
  const last = Math.min(table.shown.length, top + Math.ceil(scroller.clientHeight / ROW_HEIGHT) + ahead);
  for (const [at, row] of table.rows) if (at < first || at >= last) { row.remove(); table.rows.delete(at); }
  let next = table.above.nextSibling;
  for (let at = first; at < last; at += 1) {
    if (table.rows.has(at)) { next = table.rows.get(at).nextSibling; continue; }
    const row = tableRow(at);
    table.rows.set(at, row);
    table.body.insertBefore(row, next);
  }
  table.above.firstChild.style.height = `${first * ROW_HEIGHT}px`;
  table.below.firstChild.style.height = `${Math.max(0, table.shown.length - last) * ROW_HEIGHT}px`;
}

function tableRow(at) {
  const slide = table.shown[at];
  const cells = COLUMNS.map(column => make(column.kind === 'name' ? 'th' : 'td', {class: column.kind}, ...cellOf(slide, column, at)));
  cells[0].setAttribute('scope', 'row');
  return make('tr', {class: slide.state, 'aria-rowindex': at + 2, click: () => openDetail(table.shown, at)}, ...cells);
}

function cellOf(slide, column, at) {
  if (column.kind === 'name') {
    return [thumbnail(slide), make('button', {type: 'button', class: 'open', title: slide.slide,
      tabindex: at === table.cursor ? 0 : -1, focus: () => setCursor(at)}, ...shortName(slide))];
  }
  if (column.kind === 'status') return [state(slide)];
  if (column.kind === 'roll') return [make('span', {class: 'clamp', title: slide.roll}, ...rollName(slide.roll))];
  if (column.kind === 'why') return [make('span', {class: 'clamp', title: slide.why}, slide.why)];
  return [figureText(slide, column.key)];
}

function setCursor(at) {
  const button = index => table.rows.get(index)?.querySelector('button');
  button(table.cursor)?.setAttribute('tabindex', -1);
  table.cursor = at;
  button(at)?.setAttribute('tabindex', 0);
}

function focusRow(at) {
  const scroller = byId('all');
  const head = table.head.offsetHeight;
  const [top, bottom] = [at * ROW_HEIGHT, (at + 1) * ROW_HEIGHT + head];
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
  drawRows();
  table.rows.get(at)?.querySelector('button').focus({preventScroll: true});
}
