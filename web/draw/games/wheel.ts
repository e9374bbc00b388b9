import { animate, element, svg, type GameSlot, type MakeGame } from "./game";

const TURNS = 6;
const SPIN_MS = 4_600;
/** Where a name stands, from the middle, and how wide one of its characters is, in the drawing's units. */
const NAME_RADIUS = 50;
const CHARACTER = 6.9;

/** The wheel: equal sectors, an SVG that turns as one layer; its odds are the published ones, not the angles. */
export const makeWheel: MakeGame = (texts, onStart) => {
  const disc = element("div", "kg-disc");
  const button = element("button", "kg-hub", element("span", "kg-start-word", texts.draw));
  button.type = "button";
  button.addEventListener("click", onStart);
  const pointer = svg("svg", { viewBox: "0 -4 40 52", class: "kg-pointer", "aria-hidden": "true" });
  pointer.append(svg("path", { d: "M20 46 6 18a16 16 0 1 1 28 0Z", class: "kg-pointer-body" }), svg("circle", { cx: 20, cy: 15, r: 6, class: "kg-pointer-eye" }));
  const root = element("div", "kg kg-wheel", disc, pointer, button);
  let count = 1;
  let angle = 0;

  const setSlots = (slots: readonly GameSlot[]) => {
    count = Math.max(1, slots.length);
    const label = `${texts.wheel}: ${slots.map((slot) => slot.name).join(", ")}`;
    const drawing = svg("svg", { viewBox: "-100 -100 200 200", role: "img", "aria-label": label });
    drawing.append(svg("circle", { r: 99, class: "kg-rim" }));
    slots.forEach((slot, index) => drawing.append(sector(slot, index, count)));
    drawing.append(...bulbs());
    disc.replaceChildren(drawing);
  };
  return {
    root,
    setSlots,
    setEnabled: (enabled) => void (button.disabled = !enabled),
    setWaiting: (waiting) => root.classList.toggle("is-waiting", waiting),
    async play(landing, signal) {
      const step = 360 / count;
      // Somewhere within the sector, not always its middle: it is the sector that was drawn.
      const within = (Math.random() - 0.5) * step * 0.6;
      const end = TURNS * 360 - landing.index * step - within;
      await animate(
        disc,
        [{ transform: `rotate(${angle}deg)` }, { transform: `rotate(${end}deg)` }],
        { duration: SPIN_MS, easing: "cubic-bezier(0.12, 0.72, 0.08, 1)" },
        signal,
      );
      angle = end % 360;
    },
  };
};

function sector(slot: GameSlot, index: number, count: number): SVGGElement {
  const step = 360 / count;
  const group = svg("g", { transform: `rotate(${index * step})` });
  const half = (step / 2) * (Math.PI / 180);
  const [x, y] = [Math.sin(half) * 91, -Math.cos(half) * 91];
  const tone = slot.isTop ? "is-top" : index % 2 === 0 ? "is-even" : "is-odd";
  const shape =
    count === 1 ? svg("circle", { r: 91, class: `kg-sector ${tone}` }) : svg("path", { d: `M0 0 L${-x} ${y} A91 91 0 ${step > 180 ? 1 : 0} 1 ${x} ${y} Z`, class: `kg-sector ${tone}` });
  const art = svg("text", { y: -64, class: "kg-sector-art" }, slot.locked ? "🔒" : slot.art);
  // The foot of a line is nearer to the middle than its head, and some space is left at both ends.
  const room = Math.min(2 * (NAME_RADIUS - 3) * Math.tan(Math.min(half, 1)) - 4, 56) / CHARACTER;
  const lines = twoLines(slot.name, room).map((line, row) => svg("text", { y: -NAME_RADIUS + row * 8.6, class: "kg-sector-name" }, line));
  group.append(shape, art, ...lines);
  return group;
}

const widthOf = (text: string) => [...text].reduce((sum, character) => sum + (character.charCodeAt(0) > 0x2e80 ? 1 : 0.58), 0);

/** A name on at most two lines of about the same length, each of so much room, in characters as wide as they are high. */
function twoLines(name: string, room: number): string[] {
  const whole = widthOf(name);
  if (whole <= room) return [name];
  // The second line is nearer to the middle, where there is less room.
  const first = Math.min(room, Math.ceil(whole / 2));
  const lines = ["", ""];
  for (const character of name) {
    const row = lines[1] === "" && widthOf(lines[0] + character) <= first ? 0 : 1;
    if (row === 1 && widthOf(lines[1] + character) > room - 0.5) return [lines[0] ?? "", `${lines[1]?.slice(0, -1)}…`];
    lines[row] += character;
  }
  return lines.map((line) => line.trim());
}

function bulbs(): SVGCircleElement[] {
  return Array.from({ length: 24 }, (_, index) => {
    const angle = (index * Math.PI) / 12;
    return svg("circle", { cx: Math.sin(angle) * 95, cy: -Math.cos(angle) * 95, r: 1.7, class: index % 2 ? "kg-bulb" : "kg-bulb is-bright" });
  });
}
