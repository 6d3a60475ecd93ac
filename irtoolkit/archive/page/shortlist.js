'use strict';

/* The short list: the slides to look at, then those that were refused or failed, the gravest of each first; scrolling
   adds more. */

const AT_ONCE = 30;
const CARD_FIGURES = ['defects', 'coverage', 'fdr', 'threshold', 'shift_y', 'shift_x', 'slopes'];
const SECTIONS = {look: 'To look at', refused: 'Refused', failed: 'Failed'};

const shortList = {shown: [], cards: []};

function buildShortList() {
  shortList.sections = Object.entries(SECTIONS).map(([group, label]) => {
    const number = make('span');
    const list = make('ol', {class: 'cards'});
    return {group, number, list, box: make('section', {'aria-label': label}, make('h2', {class: 'group'}, `${label} `, number), list)};
  });
  shortList.none = note('');
  shortList.end = make('div', {class: 'end'});
  const how = note('Accept, reject or change slides with widgets.review_roll in a notebook, then run clean again: what is decided leaves this list.');
  byId('look').append(how, shortList.none, ...shortList.sections.map(section => section.box), shortList.end);
  new IntersectionObserver(entries => { if (entries.some(entry => entry.isIntersecting)) moreCards(AT_ONCE); },
    {root: byId('look'), rootMargin: '1200px'}).observe(shortList.end);
}

function fillShortList(chosen) {
  const groups = shortList.sections.map(({group}) => chosen.filter(slide => slide.state === group).sort(byWeight));
  shortList.sections.forEach((section, at) => {
    section.number.textContent = groups[at].length.toLocaleString('en');
    section.list.replaceChildren();
    section.box.hidden = !groups[at].length;
  });
  shortList.shown = groups.flat();
  shortList.cards = [];
  shortList.none.hidden = shortList.shown.length > 0;
  shortList.none.replaceChildren(...slides.some(slide => slide.state !== 'done') ? noMatch('slide') : ['No remarks on any slide.']);
  byId('look').scrollTop = 0;
  moreCards(AT_ONCE);
}

function moreCards(number) {
  const from = shortList.cards.length;
  const more = shortList.shown.slice(from, from + number);
  const added = more.map((slide, at) => card(slide, from + at));
  shortList.cards.push(...added);
  for (const {group, list} of shortList.sections) list.append(...added.filter((_, at) => more[at].state === group));
}

function card(slide, at) {
  const name = make('button', {type: 'button', class: 'open', click: () => openDetail(shortList.shown, at)}, ...nameOf(slide));
  const head = make('h3', {}, name);
  if (!slide.pictures) return make('li', {class: `${slide.state} bare`}, head, reasons(slide));
  const text = make('div', {class: 'text'}, head, reasons(slide), figures(slide, CARD_FIGURES));
  const preview = make('div', {class: 'preview', click: () => openDetail(shortList.shown, at)},
    picture(slide, 'mask', 'The scan with its marks outlined'));
  return make('li', {class: slide.state}, preview, text, closeUps(slide));
}

function focusCard(at) {
  if (at >= shortList.cards.length) moreCards(at + 1 - shortList.cards.length);
  const card = shortList.cards[at];
  card?.querySelector('button').focus({preventScroll: true});
  card?.scrollIntoView({block: 'start'});
}
