import { element, wait, type GameSlot, type MakeGame } from "./game";

/** Cells of the ring of a 3 by 3 grid, clockwise from the top left. */
const RING = [0, 1, 2, 5, 8, 7, 6, 3];
const LAPS = 3;

/** The nine-grid: a light runs around the places. With eight places the button is the middle; otherwise they fill rows of three. */
export const makeGrid: MakeGame = (texts, onStart) => {
  const list = element("ul", "kg-cells");
  const button = element("button", "kg-start", element("span", "kg-start-word", texts.draw));
  button.type = "button";
  button.addEventListener("click", onStart);
  const root = element("div", "kg kg-grid", list, button);
  let cells: HTMLElement[] = [];
  let path: number[] = [];

  const setSlots = (slots: readonly GameSlot[]) => {
    cells = slots.map((slot) => {
      const cell = element("li", "kg-cell", element("span", "kg-art", slot.art), element("span", "kg-name", slot.name));
      cell.querySelector(".kg-art")?.setAttribute("aria-hidden", "true");
      cell.classList.toggle("is-top", slot.isTop);
      cell.classList.toggle("is-locked", slot.locked);
      if (slot.locked) cell.append(element("span", "kg-lock", texts.locked));
      return cell;
    });
    const isRing = slots.length === RING.length;
    root.classList.toggle("is-ring", isRing);
    // On a ring the places follow each other around the middle; the reading order stays theirs.
    cells.forEach((cell, index) => {
      const at = isRing ? (RING[index] ?? 0) : index;
      cell.style.gridColumn = String((at % 3) + 1);
      cell.style.gridRow = String(Math.floor(at / 3) + 1);
    });
    path = isRing ? cells.map((_, index) => index) : snake(cells.length);
    list.replaceChildren(...cells);
  };
  const light = (index: number | undefined) => {
    cells.forEach((cell, at) => cell.classList.toggle("is-lit", at === index));
  };
  return {
    root,
    setSlots,
    setEnabled: (enabled) => void (button.disabled = !enabled),
    setWaiting: (waiting) => root.classList.toggle("is-waiting", waiting),
    async play(landing, signal) {
      const end = Math.max(0, path.indexOf(landing.index));
      const steps = LAPS * path.length + end;
      for (let step = 0; step <= steps && !signal.aborted; step += 1) {
        light(path[step % path.length]);
        // Quick at first, slow over the last eight.
        const left = steps - step;
        await wait(left < 8 ? 90 + (8 - left) * 38 : 55, signal);
      }
      light(landing.index);
      cells[landing.index]?.classList.add("is-won");
      await wait(600, signal);
      cells[landing.index]?.classList.remove("is-won");
    },
  };
};

/** Row by row, every second one backwards, so that the light never jumps. */
function snake(count: number): number[] {
  const rows = Math.ceil(count / 3);
  return Array.from({ length: rows }, (_, row) => {
    const cells = [0, 1, 2].map((column) => row * 3 + column).filter((index) => index < count);
    return row % 2 === 0 ? cells : cells.toReversed();
  }).flat();
}
