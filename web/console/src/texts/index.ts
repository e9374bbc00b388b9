import { campaign } from "./campaign";
import { desk } from "./desk";
import { flow } from "./flow";
import { frame } from "./frame";
import { words } from "./words";

/** Every text of the console, Chinese and English side by side, so that none is forgotten in one of them. */
export const texts = { ...frame, ...campaign, ...flow, ...desk, ...words } as const;
