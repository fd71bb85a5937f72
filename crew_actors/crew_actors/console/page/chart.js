// Curves of figures over time. Pure.

const WIDTH = 100;
const HEIGHT = 40;

/** The paths of a curve of *points* `[[time, value or null]]` between two moments, in a box of 100 by 40 that goes up from *low* to *most*. A null is a gap. */
export function chartOf(points, start, end) {
  const shown = within(points, start, end);
  const values = shown.map((one) => one[1]).filter((value) => value !== null);
  if (!values.length) return { line: "", area: "", least: null, most: null, low: null };
  const least = Math.min(...values);
  const most = Math.max(...values);
  const low = least >= 0 && least < most / 2 ? 0 : least;
  const room = most - low || Math.abs(most) || 1;
  const x = (time) => round(((Math.max(start, time) - start) / (end - start)) * WIDTH);
  const y = (value) => round(HEIGHT - 2 - ((value - low) / room) * (HEIGHT - 4));
  let line = "";
  let area = "";
  for (const part of parts(shown, end)) {
    const path = part.map(([time, value]) => `${x(time)} ${y(value)}`).join("L");
    line += `M${path}`;
    area += `M${x(part[0][0])} ${HEIGHT}L${path}L${x(part[part.length - 1][0])} ${HEIGHT}Z`;
  }
  return { line, area, least, most, low };
}

/** The point that is nearest to a moment, and has a value. */
export function nearest(points, time) {
  let best = null;
  for (const point of points) {
    if (point[1] !== null && (best === null || Math.abs(point[0] - time) < Math.abs(best[0] - time))) best = point;
  }
  return best;
}

/** What lies between, with the last point before it: a value holds until the next one. */
function within(points, start, end) {
  const first = points.findIndex((one) => one[0] >= start);
  if (first < 0) return points.length ? [points[points.length - 1]] : [];
  return points.slice(Math.max(0, first - 1)).filter((one) => one[0] <= end);
}

/** Break at gaps, and make steps: only changed values are told. */
function parts(points, end) {
  const found = [];
  let part = [];
  for (const [time, value] of points) {
    const last = part[part.length - 1];
    if (last && time - last[0] > 1.5) part.push([time - 0.5, last[1]]);
    if (value !== null) part.push([time, value]);
    else if (part.length) {
      found.push(part);
      part = [];
    }
  }
  if (part.length) found.push([...part, [end, part[part.length - 1][1]]]);
  return found;
}

function round(number) {
  return Math.round(number * 100) / 100;
}
