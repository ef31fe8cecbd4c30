"use strict";
// Draws each chart as SVG from the data of the page. Text becomes text nodes, never markup.
const charts = JSON.parse(document.getElementById("data").textContent);
const WIDTH = 520, HEIGHT = 230, LEFT = 58, RIGHT = 10, TOP = 12, BOTTOM = 26;

function element(name, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (parent) parent.append(made);
  return made;
}

function words(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return String(Number(value.toPrecision(size >= 1000 ? 5 : 4)));
}

// Round numbers from `low` to `high`: 1, 2 or 5 times a power of ten apart.
function ticks(low, high, wanted) {
  const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((times) => times * power).find((step) => step >= raw);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(at * step);
  return found;
}

function powers(low, high) {
  const found = [];
  for (let power = Math.ceil(low - 1e-9); power <= high + 1e-9; power++) found.push(power);
  // Between two powers there are round numbers too.
  return found.length >= 2 ? found : ticks(10 ** low, 10 ** high, 4).map(Math.log10);
}

function draw(figure, chart, logarithmic) {
  const series = chart.series.map((of) => ({ ...of, points: of.points.filter((point) => !logarithmic || point[1] > 0) }));
  const all = series.flatMap((of) => of.points);
  figure.querySelector("svg")?.remove();
  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": chart.title });
  figure.querySelector(".told").before(svg);
  if (all.length === 0) return;
  const height = (value) => (logarithmic ? Math.log10(value) : value);
  let low = Infinity, high = -Infinity, first = Infinity, last = -Infinity;
  for (const [step, value] of all) {
    low = Math.min(low, height(value));
    high = Math.max(high, height(value));
    first = Math.min(first, step);
    last = Math.max(last, step);
  }
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  [low, high] = [low >= 0 && !logarithmic ? Math.max(0, low - air) : low - air, high + air];
  if (first === last) [first, last] = [first - 1, last + 1];
  const x = (step) => LEFT + ((step - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => HEIGHT - BOTTOM - ((height(value) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  for (const tick of logarithmic ? powers(low, high) : ticks(low, high, 4)) {
    const value = logarithmic ? 10 ** tick : tick, at = y(value);
    element("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at, class: "grid" }, svg);
    element("text", { x: LEFT - 8, y: at + 4, "text-anchor": "end" }, svg).textContent = words(value);
  }
  for (const tick of ticks(first, last, 5)) {
    if (!Number.isInteger(tick)) continue;
    element("text", { x: x(tick), y: HEIGHT - 6, "text-anchor": "middle" }, svg).textContent = String(tick);
  }
  for (const of of series) {
    const path = of.points.map(([step, value], at) => `${at ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`);
    element("path", { d: path.join(""), class: `curve run${of.run % 8}` }, svg);
    if (of.points.length < 2) {
      for (const [step, value] of of.points) element("circle", { cx: x(step), cy: y(value), r: 3.5, class: `dot run${of.run % 8}` }, svg);
    }
  }
  const marks = element("g", {}, svg);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const step = first + ((((event.clientX - box.left) / box.width) * WIDTH - LEFT) / (WIDTH - LEFT - RIGHT)) * (last - first);
    tell(figure, chart, series, Math.min(last, Math.max(first, step)), marks, x, y);
  });
  svg.addEventListener("pointerleave", () => {
    marks.replaceChildren();
    figure.querySelector(".told").textContent = "";
  });
}

function tell(figure, chart, series, step, marks, x, y) {
  marks.replaceChildren();
  const near = (points) => points.reduce((best, point) => (Math.abs(point[0] - step) < Math.abs(best[0] - step) ? point : best));
  const found = series.filter((of) => of.points.length).map((of) => [of, near(of.points)]);
  if (found.length === 0) return;
  const at = x(found[0][1][0]);
  element("line", { x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM, class: "cross" }, marks);
  for (const [of, [step, value]] of found) element("circle", { cx: x(step), cy: y(value), r: 4, class: `dot run${of.run % 8}` }, marks);
  const unit = chart.unit ? ` ${chart.unit}` : "";
  const several = charts.some((chart) => chart.series.length > 1);
  figure.querySelector(".told").textContent = found
    .map(([of, [step, value]]) => `${several ? `${of.name}, ` : ""}step ${step}: ${words(value)}${unit}`)
    .join("   ");
}

for (const figure of document.querySelectorAll(".chart")) {
  const chart = charts[Number(figure.dataset.chart)];
  const told = document.createElement("p");
  told.className = "told";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "logarithmic";
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    const logarithmic = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(logarithmic));
    draw(figure, chart, logarithmic);
  });
  figure.append(told, button);
  draw(figure, chart, false);
}
