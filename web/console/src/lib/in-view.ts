import { useEffect, useRef } from "react";

/** A row that scrolls sideways where it is too long: what is current in it is brought into view when that changes. */
export function useCurrentInView<Row extends HTMLElement>(current: string) {
  const row = useRef<Row>(null);
  useEffect(() => {
    const node = row.current;
    const here = node?.querySelector("[aria-current]");
    if (!node || !here || current === "") return;
    const [around, box] = [node.getBoundingClientRect(), here.getBoundingClientRect()];
    node.scrollLeft += box.left + box.width / 2 - (around.left + around.width / 2);
  }, [current]);
  return row;
}
