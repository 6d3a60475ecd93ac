'use strict';

/* The rolls: one line each, and once opened its charts and its slides. */

const ABOUT_CHARTS = '◯ to look at, ✕ not done. Click a chart or a picture to open the slide.';
/* Crosstalk from which film is like Kodachrome. */
const KODACHROME = 0.1;
const rollList = {shown: []};

function buildRolls() {
  rollList.none = note(...noMatch('roll'));
  rollList.list = make('div', {class: 'rolls'});
  byId('rolls').append(rollList.none, rollList.list);
  rollList.all = new Map(rolls.map(roll => [roll.name, rollLine(roll)]));
}

function fillRolls(chosen) {
  const names = new Set(chosen.map(slide => slide.roll));
  rollList.shown = rolls.filter(roll => names.has(roll.name)).map(roll => rollList.all.get(roll.name));
  rollList.list.replaceChildren(...rollList.shown);
  rollList.none.hidden = rollList.shown.length > 0;
}

function rollLine(roll) {
  const {kind} = partsOfRoll(roll.name);
  const features = [count(roll.size, 'slide'), ...kind ? [kind] : [roll.slides[0].film, roll.slides[0].scanner]].filter(Boolean).join(', ');
  const flags = ['look', 'refused', 'failed'].map(group => [group, roll.slides.filter(slide => slide.state === group).length]).filter(([, number]) => number);
  const line = make('summary', {}, make('span', {class: 'name', title: roll.name}, ...rollPath(roll.name)), make('span', {class: 'what'}, features),
    make('span', {class: 'coverage'}, `median coverage ${percentOrDash(median(roll.slides.map(slide => slide.coverage)))}`), sparkLine(roll.slides),
    make('span', {class: 'flags'}, ...flags.map(([group, number]) =>
      make('span', {class: `state ${group}`}, `${STATES[group][0]} ${number.toLocaleString('en')} ${STATES[group][1]} `))));
  const box = make('details', {}, line);
  box.addEventListener('toggle', () => { if (box.open && box.children.length === 1) box.append(rollBody(roll)); });
  box.open = rolls.length === 1;
  return box;
}

function percentOrDash(share) {
  return share === null ? '–' : percent(share);
}

function count(number, noun) {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`;
}

function rollBody(roll) {
  const marks = make('p', {class: 'marks'}, ABOUT_CHARTS);
  const {box, point} = drawCharts(roll.slides, at => pointTo(roll.slides[at], sheet.children[at]));
  const pointTo = (slide, place) => {
    sheet.querySelector('.pointed')?.classList.remove('pointed');
    place?.classList.add('pointed');
    marks.replaceChildren(...slide ? [make('b', {}, slide.slide), ` ${slide.why}`] : [ABOUT_CHARTS]);
  };
  const sheet = make('ul', {class: 'sheet'}, ...roll.slides.map((slide, at) => make('li', {class: slide.state},
    make('button', {type: 'button', title: [slide.slide, slide.why].filter(Boolean).join(': '), click: () => openDetail(roll.slides, at),
      pointerenter: () => point(at), pointerleave: () => point(-1), focus: () => point(at), blur: () => point(-1)},
    thumbnail(slide), make('span', {class: 'label'}, slide.state === 'done' ? '' : make('span', {class: `state ${slide.state}`}, STATES[slide.state]?.[0] ?? '?'),
      slide.slide.slice(slide.slide.lastIndexOf('/') + 1))))));
  return make('div', {class: 'roll'}, ...aboutFilm(roll), box, marks, sheet);
}

/* What is known of film whose picture shows in the infrared. */
function aboutFilm(roll) {
  const slopes = median(roll.slides.map(slide => slide.slopes));
  if (slopes === null || slopes < KODACHROME) return [];
  return [note(`Its infrared follows the picture (crosstalk ${FIGURES.slopes.format(slopes)}), as on Kodachrome: `
    + 'faint and dark damage may be missed, and hard edges may be marked. Look at some of its slides.')];
}

function focusRoll(at) {
  rollList.shown[at]?.firstChild.focus();
  rollList.shown[at]?.firstChild.scrollIntoView({block: 'nearest'});
}
