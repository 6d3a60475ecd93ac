'use strict';

/* The page: which view is open, what is chosen, and the keys. */

const VIEWS = {look: fillShortList, rolls: fillRolls, all: fillTable};
const page = {view: '', stale: new Set(Object.keys(VIEWS)), chosen: slides};

function start() {
  if (!window.slides) {
    document.querySelector('main').prepend(note('The folder “report” beside this page is missing. The same figures are in slides.csv.'));
    return;
  }
  buildShortList();
  buildRolls();
  buildTable();
  byId('roll').append(...rolls.map(roll => make('option', {value: roll.name, title: roll.name}, shortRoll(roll.name))));
  byId('filters').addEventListener('input', refresh);
  byId('filters').addEventListener('submit', event => event.preventDefault());
  byId('help').addEventListener('click', () => byId('keys').showModal());
  byId('detail').addEventListener('close', detailClosed);
  byId('detail').addEventListener('click', event => { if (event.target === byId('detail')) byId('detail').close(); });
  document.addEventListener('keydown', keyPressed);
  window.addEventListener('hashchange', showView);
  window.addEventListener('beforeprint', printView);
  showTypical();
  refresh();
  showView();
}

function showTypical() {
  const coverage = median(slides.map(slide => slide.coverage));
  const seconds = median(slides.map(slide => slide.seconds));
  byId('typical').textContent = [coverage === null ? '' : `Typically ${percent(coverage)} of a slide is marked.`,
    seconds === null ? '' : `${duration(seconds)} per slide.`].filter(Boolean).join(' ');
}

function refresh() {
  page.chosen = chooseSlides(byId('words').value, byId('state').value, byId('roll').value);
  page.stale = new Set(Object.keys(VIEWS));
  byId('count-look').textContent = page.chosen.filter(slide => slide.state !== 'done').length.toLocaleString('en');
  const names = new Set(page.chosen.map(slide => slide.roll));
  byId('count-rolls').textContent = rolls.filter(roll => names.has(roll.name)).length.toLocaleString('en');
  byId('count-all').textContent = page.chosen.length.toLocaleString('en');
  const all = page.chosen.length === slides.length;
  byId('matches').textContent = all ? '' : `${count(page.chosen.length, 'slide')} of ${slides.length.toLocaleString('en')}`;
  fillView();
}

/* A view is filled when it is shown. */
function fillView() {
  if (!page.stale.delete(page.view)) return;
  VIEWS[page.view](page.chosen);
}

function showView() {
  const asked = location.hash.slice(1);
  page.view = asked in VIEWS ? asked : slides.some(slide => slide.state === 'look') ? 'look' : 'all';
  for (const name of Object.keys(VIEWS)) byId(name).hidden = name !== page.view;
  byId('more').hidden = page.view !== 'all';
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${page.view}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  fillView();
  if (page.view === 'all') showTable();
}

/* Paper shows all of the view: every card with its pictures, every row. */
function printView() {
  if (page.view === 'look') moreCards(Infinity);
  if (page.view === 'all') drawRows(Infinity);
  for (const image of document.querySelectorAll('main img')) image.loading = 'eager';
}

function keyPressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches('input, select');
  if (typing && event.key === 'Escape') leaveFilter(event.target);
  else if (!typing && (byId('detail').open ? detailKey(event) : !byId('keys').open && pageKey(event))) event.preventDefault();
}

function clearFilters() {
  byId('filters').reset();
  refresh();
  byId('words').focus();
}

function leaveFilter(field) {
  if (field.value) { field.value = ''; refresh(); } else field.blur();
}

function pageKey(event) {
  const view = {1: 'look', 2: 'rolls', 3: 'all'}[event.key];
  if (view) location.hash = view;
  else if (event.key === '/') { byId('words').focus(); byId('words').select(); }
  else if (event.key === '?') byId('keys').showModal();
  else return walk(event.key);
  return true;
}

function walk(key) {
  const [length, at, focus] = {
    look: [shortList.shown.length, shortList.cards.indexOf(document.activeElement.closest('.cards > li')), focusCard],
    rolls: [rollList.shown.length, rollList.shown.indexOf(document.activeElement.closest('details')), focusRoll],
    all: [table.shown.length, table.body.contains(document.activeElement) ? table.cursor : table.cursor - 1, focusRow],
  }[page.view];
  const to = {j: at + 1, ArrowDown: at + 1, k: at - 1, ArrowUp: at - 1, Home: 0, End: length - 1}[key];
  if (to === undefined || !length) return false;
  focus(Math.min(Math.max(to, 0), length - 1));
  return true;
}

start();
