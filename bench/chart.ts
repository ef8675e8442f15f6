/**
 * A chart of points as SVG. The same data give the same text. It has a white background of its own, so
 * it can be read on a dark page too.
 */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly color: string;
  readonly points: readonly Point[];
}

export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly series: readonly Series[];
}

const WIDTH = 760;
const HEIGHT = 380;
/** Where the axes cross, and where they end. */
const [LEFT, RIGHT, TOP, BOTTOM] = [70, WIDTH - 24, 84, HEIGHT - 56];
const INK = '#1f2937';
const GRID = '#e5e7eb';

/** From the data to the picture. */
interface Scale {
  x(value: number): string;
  y(value: number): string;
}

export function pointChart({ title, xTitle, yTitle, series }: Chart): string {
  const points = series.flatMap((one) => one.points);
  const xs = ticks(Math.max(...points.map(({ x }) => x)));
  const ys = ticks(Math.max(...points.map(({ y }) => y)));
  const scale = scaleTo(xs.at(-1) ?? 1, ys.at(-1) ?? 1);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" font-family="system-ui, sans-serif" font-size="13" fill="${INK}">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" rx="8" fill="#ffffff"/>`,
    text(LEFT, 30, title, 'font-size="15" font-weight="600"'),
    ...series.flatMap(legend),
    ...ys.flatMap((value) => yTick(scale, value)),
    ...xs.flatMap((value) => xTick(scale, value)),
    text((LEFT + RIGHT) / 2, HEIGHT - 14, xTitle, 'text-anchor="middle"'),
    text(-(TOP + BOTTOM) / 2, 20, yTitle, 'text-anchor="middle" transform="rotate(-90)"'),
    ...series.flatMap((one) => dots(scale, one)),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

/** Round numbers from 0 to the first that is not below the greatest value: three to eight steps. */
function ticks(greatest: number): number[] {
  const power = 10 ** Math.floor(Math.log10(greatest));
  const leading = greatest / power;
  const step = power * (leading > 4 ? 2 : leading > 2 ? 1 : 0.25);
  return Array.from({ length: Math.ceil(greatest / step) + 1 }, (_, n) => n * step);
}

function scaleTo(greatestX: number, greatestY: number): Scale {
  return {
    x: (value) => (LEFT + (value / greatestX) * (RIGHT - LEFT)).toFixed(1),
    y: (value) => (BOTTOM - (value / greatestY) * (BOTTOM - TOP)).toFixed(1),
  };
}

function legend({ name, color }: Series, index: number): string[] {
  const x = LEFT + index * 240;
  return [`<circle cx="${x + 5}" cy="54" r="5" fill="${color}"/>`, text(x + 16, 58, name)];
}

function xTick(scale: Scale, value: number): string[] {
  return [text(scale.x(value), BOTTOM + 20, label(value), 'text-anchor="middle"')];
}

function yTick(scale: Scale, value: number): string[] {
  const y = scale.y(value);
  const stroke = value === 0 ? INK : GRID;
  return [
    `<line x1="${LEFT}" y1="${y}" x2="${RIGHT}" y2="${y}" stroke="${stroke}"/>`,
    text(LEFT - 8, Number(y) + 4, label(value), 'text-anchor="end"'),
  ];
}

const label = (value: number): string => value.toLocaleString('en');

function dots(scale: Scale, { color, points }: Series): string[] {
  return points.map(({ x, y }) => {
    return `<circle cx="${scale.x(x)}" cy="${scale.y(y)}" r="3.5" fill="${color}"/>`;
  });
}

function text(x: number | string, y: number, words: string, attributes?: string): string {
  const more = attributes ? ` ${attributes}` : '';
  return `<text x="${x}" y="${y}"${more}>${words}</text>`;
}
