'use strict';

/* The slides that a person should look at, the most important first, then those that were not cleaned; scrolling adds
   more. */

const AT_ONCE = 30;
const CARD_FIGURES = ['defects', 'coverage', 'fdr', 'threshold', 'shift_y', 'shift_x', 'slopes'];

const shortList = {shown: [], cards: []};

function buildShortList() {
  shortList.list = make('ol', {class: 'cards'});
  shortList.none = note('');
  shortList.end = make('div', {class: 'end'});
  byId('look').append(shortList.none, shortList.list, shortList.end);
  new IntersectionObserver(entries => { if (entries.some(entry => entry.isIntersecting)) moreCards(AT_ONCE); },
    {root: byId('look'), rootMargin: '1200px'}).observe(shortList.end);
}

function fillShortList(chosen) {
  shortList.shown = chosen.filter(slide => slide.review).sort(byWeight);
  shortList.cards = [];
  shortList.list.replaceChildren();
  shortList.none.hidden = shortList.shown.length > 0;
  shortList.none.replaceChildren(...slides.some(slide => slide.review) ? noMatch('slide') : ['No remarks on any slide.']);
  byId('look').scrollTop = 0;
  moreCards(AT_ONCE);
}

function moreCards(number) {
  const from = shortList.cards.length;
  const more = shortList.shown.slice(from, from + number).map((slide, at) => card(slide, from + at));
  shortList.cards.push(...more);
  shortList.list.append(...more);
}

function card(slide, at) {
  const name = make('button', {type: 'button', class: 'open', click: () => openDetail(shortList.shown, at)}, ...nameOf(slide));
  const head = make('h2', {}, name);
  if (!slide.pictures) return make('li', {class: `${slide.state} bare`}, head, state(slide), reasons(slide));
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
