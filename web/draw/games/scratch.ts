import { animate, element, type MakeGame } from "./game";

const WIDTH = 640;
const HEIGHT = 480;
const BRUSH = 58;
/** From this share on what is left of the cover falls off. */
const ENOUGH = 0.45;

/** The scratch card: a cover over the result that a finger rubs away, or a button for who cannot. */
export const makeScratch: MakeGame = (texts, onStart) => {
  const art = element("span", "kg-card-art", "🎏");
  const name = element("span", "kg-card-name", texts.scratchHint);
  const canvas = element("canvas", "kg-cover");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  canvas.hidden = true;
  canvas.setAttribute("aria-hidden", "true");
  art.setAttribute("aria-hidden", "true");
  const button = element("button", "kg-card-button", texts.draw);
  button.type = "button";
  const card = element("div", "kg-card", art, name, canvas);
  const root = element("div", "kg kg-scratch", card, button);
  let reveal: (() => void) | undefined;
  button.addEventListener("click", () => (reveal ? reveal() : onStart()));
  let enabled = true;
  const show = () => {
    button.textContent = reveal ? texts.reveal : texts.draw;
    button.disabled = !reveal && !enabled;
  };
  return {
    root,
    setSlots: () => {},
    setEnabled(next) {
      enabled = next;
      show();
    },
    setWaiting: (waiting) => root.classList.toggle("is-waiting", waiting),
    async play(landing, signal) {
      cover(canvas, texts.scratch);
      canvas.hidden = false;
      art.textContent = landing.art;
      name.textContent = landing.name;
      name.setAttribute("aria-hidden", "true");
      const stop = new AbortController();
      const done = new Promise<void>((resolve) => {
        reveal = resolve;
        signal.addEventListener("abort", () => resolve(), { once: true });
        rub(canvas, resolve, stop.signal);
      });
      show();
      await done;
      stop.abort();
      reveal = undefined;
      await animate(canvas, [{ opacity: 1 }, { opacity: 0 }], { duration: 380 }, signal);
      canvas.getAnimations?.().forEach((animation) => animation.cancel());
      canvas.hidden = true;
      name.removeAttribute("aria-hidden");
      show();
    },
  };
};

function cover(canvas: HTMLCanvasElement, word: string): void {
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.globalCompositeOperation = "source-over";
  const shine = pen.createLinearGradient(0, 0, WIDTH, HEIGHT);
  for (const [at, colour] of [[0, "#d9a441"], [0.45, "#f7dd9c"], [0.55, "#f2cf7f"], [1, "#c98a2b"]] as const) shine.addColorStop(at, colour);
  pen.fillStyle = shine;
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  pen.strokeStyle = "rgb(255 255 255 / 28%)";
  pen.lineWidth = 3;
  // Scales of a fish.
  for (let row = 0; row < 11; row += 1) {
    for (let column = -1; column < 12; column += 1) {
      pen.beginPath();
      pen.arc(column * 60 + (row % 2) * 30, row * 48, 30, 0, Math.PI);
      pen.stroke();
    }
  }
  pen.fillStyle = "#6b3d05";
  pen.font = "600 44px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(word, WIDTH / 2, HEIGHT / 2);
  pen.globalCompositeOperation = "destination-out";
  pen.lineWidth = BRUSH;
  pen.lineCap = "round";
  pen.lineJoin = "round";
}

function rub(canvas: HTMLCanvasElement, done: () => void, signal: AbortSignal): void {
  const pen = canvas.getContext("2d");
  if (!pen) return done();
  let moves = 0;
  const at = (event: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * WIDTH, ((event.clientY - box.top) / box.height) * HEIGHT];
  };
  canvas.addEventListener(
    "pointerdown",
    (event) => {
      canvas.setPointerCapture(event.pointerId);
      pen.beginPath();
      pen.moveTo(...at(event));
    },
    { signal },
  );
  canvas.addEventListener(
    "pointermove",
    (event) => {
      if (event.buttons === 0 && event.pointerType === "mouse") return;
      pen.lineTo(...at(event));
      pen.stroke();
      moves += 1;
      if (moves % 8 === 0 && cleared(pen) > ENOUGH) done();
    },
    { signal },
  );
}

/** The share that was rubbed away, from every 97th pixel. */
function cleared(pen: CanvasRenderingContext2D): number {
  const { data } = pen.getImageData(0, 0, WIDTH, HEIGHT);
  let clear = 0;
  let seen = 0;
  for (let index = 3; index < data.length; index += 4 * 97) {
    seen += 1;
    if (data[index] === 0) clear += 1;
  }
  return clear / seen;
}
