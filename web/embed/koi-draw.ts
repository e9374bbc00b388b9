/** `<koi-draw campaign="…">`: the draw inside any page. */
export class KoiDraw extends HTMLElement {}

if (!customElements.get("koi-draw")) customElements.define("koi-draw", KoiDraw);
