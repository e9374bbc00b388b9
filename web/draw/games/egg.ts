import { animate, element, svg, wait, type MakeGame } from "./game";

const EGGS = 3;

/** Golden eggs: whichever is struck holds what the server drew. */
export const makeEgg: MakeGame = (texts, onStart) => {
  let chosen = 1;
  const eggs = Array.from({ length: EGGS }, (_, index) => {
    const prize = element("span", "kg-egg-prize");
    prize.setAttribute("aria-hidden", "true");
    const egg = element("button", "kg-egg", drawing(), prize);
    egg.type = "button";
    egg.setAttribute("aria-label", texts.egg(index + 1));
    egg.addEventListener("click", () => {
      chosen = index;
      onStart();
    });
    return { egg, prize };
  });
  const hammer = element("span", "kg-hammer", "🔨");
  hammer.setAttribute("aria-hidden", "true");
  hammer.hidden = true;
  const root = element("div", "kg kg-eggs", ...eggs.map(({ egg }) => egg), hammer);
  return {
    root,
    setSlots: () => {},
    setEnabled(enabled) {
      for (const { egg } of eggs) egg.disabled = !enabled;
    },
    setWaiting(waiting) {
      if (waiting) eggs.forEach(({ egg }) => egg.classList.remove("is-broken"));
      eggs[chosen]?.egg.classList.toggle("is-waiting", waiting);
    },
    async play(landing, signal) {
      const { egg, prize } = eggs[chosen] ?? eggs[0]!;
      eggs.forEach((each) => each.egg.classList.remove("is-broken"));
      prize.textContent = landing.art;
      hammer.hidden = false;
      hammer.style.left = `${egg.offsetLeft + egg.offsetWidth * 0.62}px`;
      hammer.style.top = `${egg.offsetTop - 8}px`;
      const swing = [{ transform: "rotate(30deg)" }, { transform: "rotate(45deg)", offset: 0.4 }, { transform: "rotate(-50deg)" }];
      for (let strike = 0; strike < 2; strike += 1) {
        await animate(hammer, swing, { duration: 420, easing: "ease-in" }, signal);
        const shake = [{ transform: "none" }, { transform: "rotate(-5deg)" }, { transform: "rotate(5deg)" }, { transform: "none" }];
        await animate(egg, shake, { duration: 240 }, signal);
      }
      hammer.hidden = true;
      egg.classList.add("is-broken");
      await wait(900, signal);
      chosen = 1;
    },
  };
};

function drawing(): SVGSVGElement {
  const picture = svg("svg", { viewBox: "0 0 100 130", "aria-hidden": "true", class: "kg-egg-picture" });
  picture.append(
    svg("ellipse", { cx: 50, cy: 122, rx: 34, ry: 6, class: "kg-egg-shadow" }),
    svg("path", { d: "M50 6c24 0 42 38 42 66 0 26-18 46-42 46S8 98 8 72C8 44 26 6 50 6Z", class: "kg-egg-shell" }),
    svg("text", { x: 50, y: 84, class: "kg-egg-word" }, "福"),
    svg("path", { d: "M34 26c-10 12-16 30-16 44", class: "kg-egg-shine" }),
    svg("path", { d: "M8 72l12-8 10 12 12-14 10 13 12-12 10 11 9-10 9 7", class: "kg-egg-crack" }),
  );
  return picture;
}
