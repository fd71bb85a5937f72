// The layout of a graph of tasks in layers, from left to right. Pure.
//
// 1. A task stands in the layer after the last of what it waits for.
// 2. Within layers, tasks are ordered by the middle of their neighbours from both sides, so
//    that few edges cross. An edge over several layers has a place in each.
// 3. A layer with very many tasks is broken into columns.

export const SIZES = {
  wide: { width: 172, height: 40, gapX: 56, gapY: 14 },
  small: { width: 30, height: 22, gapX: 40, gapY: 8 },
};
const SWEEPS = 6;
const ROWS = 24;

/** Place *tasks*, `[{id, depends}]`; returns nodes, edges and the size of it all. */
export function layout(tasks, size = SIZES.wide) {
  const layers = ordered(tasks, layersOf(tasks));
  const nodes = new Map();
  let x = 0;
  let height = 0;
  for (const layer of layers) {
    const real = layer.filter((one) => !one.via);
    const columns = Math.max(1, Math.ceil(real.length / ROWS));
    const rows = columns > 1 ? Math.ceil(real.length / columns) : layer.length;
    const shown = columns > 1 ? real : layer;
    shown.forEach((one, place) => {
      const column = Math.floor(place / rows);
      one.x = x + column * (size.width + size.gapX / 2);
      one.y = (place % rows) * (size.height + size.gapY);
      nodes.set(one.id, one);
    });
    height = Math.max(height, rows * (size.height + size.gapY) - size.gapY);
    x += columns * size.width + (columns - 1) * (size.gapX / 2) + size.gapX;
  }
  centre(layers, nodes, height, size);
  const edges = edgesOf(tasks, nodes, size);
  const real = new Map([...nodes].filter(([, one]) => !one.via));
  return { nodes: real, edges, width: Math.max(0, x - size.gapX), height: Math.max(0, height) };
}

/** The layer of each task, by its id. A circle is broken where it is found. */
export function layersOf(tasks) {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const depth = new Map();
  const visit = (id, path) => {
    if (depth.has(id)) return depth.get(id);
    path.add(id);
    let most = 0;
    for (const before of byId.get(id).depends) {
      if (byId.has(before) && !path.has(before)) most = Math.max(most, visit(before, path) + 1);
    }
    path.delete(id);
    depth.set(id, most);
    return most;
  };
  for (const task of tasks) visit(task.id, new Set());
  return depth;
}

function ordered(tasks, depth) {
  const layers = [];
  const put = (node, layer) => (layers[layer] ??= []).push(node);
  const nodes = new Map();
  for (const task of tasks) {
    const node = { id: task.id, layer: depth.get(task.id), before: [], after: [] };
    nodes.set(task.id, node);
    put(node, node.layer);
  }
  for (const task of tasks) {
    for (const before of new Set(task.depends)) {
      if (nodes.has(before) && depth.get(before) < depth.get(task.id)) {
        connect(nodes.get(before), nodes.get(task.id), put);
      }
    }
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forth = sweep % 2 === 0;
    const order = forth ? layers : [...layers].reverse();
    layers.forEach((layer) => layer.forEach((node, place) => (node.place = place)));
    for (const layer of order) arrange(layer, forth ? "before" : "after");
  }
  return layers;
}

function connect(from, to, put) {
  let last = from;
  for (let layer = from.layer + 1; layer < to.layer; layer += 1) {
    const via = { id: `${from.id}\u0000${to.id}\u0000${layer}`, via: true, layer, before: [last], after: [] };
    last.after.push(via);
    put(via, layer);
    last = via;
  }
  last.after.push(to);
  to.before.push(last);
}

function arrange(layer, side) {
  for (const node of layer) {
    const near = node[side];
    node.middle = near.length ? near.reduce((sum, one) => sum + one.place, 0) / near.length : node.place;
  }
  layer.sort((a, b) => a.middle - b.middle || a.place - b.place);
  layer.forEach((node, place) => (node.place = place));
}

function centre(layers, nodes, height, size) {
  for (const layer of layers) {
    const shown = layer.filter((one) => nodes.has(one.id));
    const bottom = Math.max(...shown.map((one) => one.y + size.height));
    const move = (height - bottom) / 2;
    for (const one of shown) one.y += move;
  }
}

function edgesOf(tasks, nodes, size) {
  const edges = [];
  for (const task of tasks) {
    const to = nodes.get(task.id);
    for (const node of to.before) {
      const points = [to];
      let at = node;
      while (at.via) {
        if (nodes.has(at.id)) points.unshift(at);
        at = at.before[0];
      }
      points.unshift(nodes.get(at.id));
      edges.push({ from: at.id, to: task.id, path: pathOf(points, size) });
    }
  }
  return edges;
}

function pathOf(points, size) {
  const middle = (one) => Math.round((one.y + size.height / 2) * 10) / 10;
  let path = `M${points[0].x + size.width},${middle(points[0])}`;
  for (let at = 1; at < points.length; at += 1) {
    const before = points[at - 1];
    const here = points[at];
    const start = before.x + size.width;
    const bend = Math.max(12, (here.x - start) / 2);
    path += `C${start + bend},${middle(before)} ${here.x - bend},${middle(here)} ${here.x},${middle(here)}`;
    if (here.via) path += `H${here.x + size.width}`;
  }
  return path;
}

/** The task that an arrow key leads to from *id*; null if there is none. */
export function neighbour(placed, id, key) {
  const from = placed.nodes.get(id);
  if (!from) return null;
  const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[key];
  let best = null;
  let least = Infinity;
  for (const [other, to] of placed.nodes) {
    const along = dx ? (to.x - from.x) * dx : (to.y - from.y) * dy;
    const aside = dx ? Math.abs(to.y - from.y) : Math.abs(to.x - from.x);
    if (other !== id && along > 0 && along + aside * 3 < least) {
      least = along + aside * 3;
      best = other;
    }
  }
  return best;
}
