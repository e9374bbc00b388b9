/** A place as a game shows it. */
export interface GameSlot {
  name: string;
  art: string;
  locked: boolean;
  /** Among the most valuable: shown in gold. */
  isTop: boolean;
}

/** What was won, for games that show it themselves. */
export interface Landing {
  /** The place that the game ends at. */
  index: number;
  name: string;
  art: string;
  isWin: boolean;
}

/** Words of the games, in the page's language. */
export interface GameTexts {
  draw: string;
  locked: string;
  scratch: string;
  scratchHint: string;
  reveal: string;
  egg: (number: number) => string;
  wheel: string;
  reels: string;
}

/** A way to show a draw. What it shows was decided by the server before: it plays towards a landing and decides nothing. */
export interface Game {
  readonly root: HTMLElement;
  setSlots: (slots: readonly GameSlot[]) => void;
  /** The server is being asked. */
  setWaiting: (waiting: boolean) => void;
  /** Whether its own buttons may start a draw. */
  setEnabled: (enabled: boolean) => void;
  /** Plays; done when the landing is seen, or at once when the signal says so. */
  play: (landing: Landing, signal: AbortSignal) => Promise<void>;
}

export type MakeGame = (texts: GameTexts, onStart: () => void) => Game;

/** An element with a class, children and attributes. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number>>,
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Waits; at once where the signal has spoken, and no longer than until it speaks. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}

/** An animation, finished at once when the signal speaks. */
export async function animate(target: Element, frames: Keyframe[], options: KeyframeAnimationOptions, signal: AbortSignal): Promise<void> {
  const animation = target.animate(frames, { fill: "forwards", ...options });
  const end = () => animation.finish();
  if (signal.aborted) end();
  signal.addEventListener("abort", end, { once: true });
  await animation.finished.catch(() => undefined);
  signal.removeEventListener("abort", end);
}
