import { animate, element, wait, type GameSlot, type MakeGame } from "./game";

const REELS = 3;
const TURNS = 4;
const FIRST_MS = 1_500;
const NEXT_MS = 550;

/** The slot machine: three reels that all stop at what was won, or at different places where it was nothing. */
export const makeSlots: MakeGame = (texts, onStart) => {
  const reels = Array.from({ length: REELS }, () => element("div", "kg-strip"));
  const windows = reels.map((strip) => element("div", "kg-reel", strip));
  const view = element("div", "kg-reels", ...windows);
  view.setAttribute("role", "img");
  view.setAttribute("aria-label", texts.reels);
  const button = element("button", "kg-lever", texts.draw);
  button.type = "button";
  button.addEventListener("click", onStart);
  const root = element("div", "kg kg-machine", view, button);
  let arts: string[] = ["🎏"];
  let at = reels.map((_, reel) => reel);

  const strip = (reel: number, rounds: number, end: number) => {
    const from = at[reel] ?? 0;
    const length = rounds * arts.length + ((end - from + arts.length) % arts.length);
    const symbols = Array.from({ length: length + 1 }, (_, index) => arts[(from + index) % arts.length] ?? "");
    reels[reel]?.replaceChildren(...symbols.map((art) => element("span", "kg-symbol", art)));
    return length;
  };
  return {
    root,
    setSlots(slots: readonly GameSlot[]) {
      arts = slots.length > 0 ? slots.map((slot) => slot.art) : ["🎏"];
      at = reels.map((_, reel) => (at[reel] ?? reel) % arts.length);
      reels.forEach((_, reel) => strip(reel, 0, at[reel] ?? 0));
    },
    setEnabled: (enabled) => void (button.disabled = !enabled),
    setWaiting: (waiting) => root.classList.toggle("is-waiting", waiting),
    async play(landing, signal) {
      const ends = reels.map((_, reel) => (landing.isWin ? landing.index : (landing.index + reel) % arts.length));
      await Promise.all(
        reels.map(async (target, reel) => {
          const length = strip(reel, TURNS + reel, ends[reel] ?? 0);
          // Symbols are as high as their window.
          const frames = [{ transform: "translateY(0)" }, { transform: `translateY(-${length * 100}%)` }];
          await animate(target, frames, { duration: FIRST_MS + reel * NEXT_MS, easing: "cubic-bezier(0.3, 0.7, 0.2, 1.03)" }, signal);
          at[reel] = ends[reel] ?? 0;
          strip(reel, 0, at[reel]);
          target.getAnimations?.().forEach((animation) => animation.cancel());
        }),
      );
      root.classList.toggle("is-won", landing.isWin);
      await wait(700, signal);
      root.classList.remove("is-won");
    },
  };
};
