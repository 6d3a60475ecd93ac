'use strict';

/* Small charts of a roll: one place per slide, the same in all of them. */

const CHARTS = [
  {label: 'Coverage', unit: 'share marked, in %', names: ['coverage'], zero: true, scale: 100},
  {label: 'Threshold', unit: 'sigma', names: ['threshold'], zero: false, scale: 1},
  {label: 'Displacement', unit: 'pixels', names: ['shift_y', 'shift_x'], zero: false, scale: 1},
  {label: 'Crosstalk', unit: 'of the picture in the infrared', names: ['slopes'], zero: true, scale: 1},
];
const SIZE = {width: 560, height: 130, left: 44, right: 8, top: 8, bottom: 14};

function drawCharts(members, onPoint) {
  const parts = CHARTS.map(chart => drawChart(chart, members));
  const box = make('div', {class: 'charts'}, ...parts.map(part => part.figure));
  const point = at => { parts.forEach(part => part.point(at)); onPoint(at); };
  for (const {svg} of parts) {
    svg.addEventListener('pointermove', event => point(placeOf(svg, event, members.length)));
    svg.addEventListener('pointerleave', () => point(-1));
    svg.addEventListener('click', event => openDetail(members, placeOf(svg, event, members.length)));
  }
  return {box, point};
}

function drawChart(chart, members) {
  const values = chart.names.map(name => members.map(slide => isNumber(slide[name]) ? chart.scale * slide[name] : null));
  const ticks = ticksOf(values.flat().filter(isNumber), chart.zero);
  const y = value => SIZE.height - SIZE.bottom - (value - ticks[0]) / (ticks.at(-1) - ticks[0]) * (SIZE.height - SIZE.top - SIZE.bottom);
  const x = at => xOf(at, members.length);
  const dots = which => values.map((series, number) => makeSvg('path', {class: `dots series${number}`, d: series.map((value, at) =>
    value !== null && which(members[at]) ? `M${x(at).toFixed(1)} ${y(value).toFixed(1)}h0` : '').join('')}));
  const rings = values.map(series => makeSvg('path', {class: 'ring', d: series.map((value, at) =>
    value !== null && members[at].state === 'look' ? ringPath(x(at), y(value)) : '').join('')}));
  const lost = makeSvg('path', {class: 'lost', d: members.map((slide, at) => slide.status === 'done' ? '' :
    `M${x(at) - 3} ${SIZE.height - 8}l6 6m-6 0l6 -6`).join('')});
  const hair = makeSvg('path', {class: 'hair', visibility: 'hidden'});
  const svg = makeSvg('svg', {viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: 'img', 'aria-label': summary(chart, values)},
    ...ticks.map(tick => gridLine(tick, y(tick), ticks)), hair, ...dots(() => true), ...rings, lost);
  if (members.length > 100) svg.classList.add('many');
  const readout = make('span', {class: 'readout'});
  const legend = chart.names.length > 1 ? chart.names.map((name, number) => make('span', {class: `key series${number}`}, FIGURES[name].label)) : [];
  const figure = make('figure', {}, make('figcaption', {}, make('b', {title: chart.names.map(name => FIGURES[name].about).join('; ')}, chart.label), ` ${chart.unit} `, ...legend, readout), svg);
  return {svg, figure, point: at => pointAt(hair, readout, chart, members, at)};
}

function pointAt(hair, readout, chart, members, at) {
  const slide = members[at];
  hair.setAttribute('visibility', slide ? 'visible' : 'hidden');
  readout.textContent = slide ? chart.names.map(name => figureText(slide, name)).join(', ') : '';
  if (slide) hair.setAttribute('d', `M${xOf(at, members.length)} ${SIZE.top}V${SIZE.height - SIZE.bottom}`);
}

function xOf(at, number) {
  return SIZE.left + (at + 0.5) / number * (SIZE.width - SIZE.left - SIZE.right);
}

function placeOf(svg, event, number) {
  const box = svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * SIZE.width;
  const at = Math.floor((x - SIZE.left) / (SIZE.width - SIZE.left - SIZE.right) * number);
  return Math.min(Math.max(at, 0), number - 1);
}

function ringPath(x, y) {
  return `M${(x - 5).toFixed(1)} ${y.toFixed(1)}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0`;
}

function gridLine(tick, y, ticks) {
  const digits = Math.max(0, Math.ceil(-Math.log10(ticks[1] - ticks[0]) - 1e-9));
  return makeSvg('g', {class: 'grid'}, makeSvg('path', {d: `M${SIZE.left} ${y.toFixed(1)}H${SIZE.width - SIZE.right}`}),
    makeSvg('text', {x: SIZE.left - 6, y: (y + 3.5).toFixed(1)}, fixed(Math.min(digits, 6))(tick)));
}

/* Two to five round numbers that hold all values between them. */
function ticksOf(values, zero) {
  let low = values.reduce((least, value) => Math.min(least, value), zero || !values.length ? 0 : Infinity);
  let high = values.reduce((most, value) => Math.max(most, value), zero || !values.length ? 0 : -Infinity);
  if (high - low < 1e-9) [low, high] = zero && low >= 0 ? [low, low + 1] : [low - 0.5, high + 0.5];
  const rough = (high - low) / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(times => times * power >= rough) * power;
  const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return Array.from({length: Math.max(1, last - first) + 1}, (_, at) => (first + at) * step);
}

function summary(chart, values) {
  const ranges = chart.names.map((name, number) => {
    const known = values[number].filter(isNumber);
    const [low, high] = known.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    return known.length ? `${FIGURES[name].label} ${low.toPrecision(3)} to ${high.toPrecision(3)}` : `${FIGURES[name].label} unknown`;
  });
  return `${chart.label} of each slide, ${chart.unit}: ${ranges.join('; ')}`;
}

function sparkLine(members) {
  const values = members.map(slide => isNumber(slide.coverage) ? slide.coverage : null);
  const most = values.reduce((a, b) => Math.max(a, b || 0), 1e-6);
  const bar = (value, at) => {
    const x = (at + 0.5) / members.length * 140;
    return `M${x.toFixed(1)} 22V${(22 - 20 * value / most).toFixed(1)}`;
  };
  const bars = listed => makeSvg('path', {class: listed ? 'stick listed' : 'stick', 'stroke-width': Math.min(6, 100 / members.length),
    d: values.map((value, at) => value !== null && (members[at].state === 'look') === listed ? bar(value, at) : '').join('')});
  return makeSvg('svg', {class: 'spark', viewBox: '0 0 140 24', 'aria-hidden': 'true'}, bars(false), bars(true));
}
