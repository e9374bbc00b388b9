import { Problem } from "@koi/client";
import { useRef, useState } from "react";
import { useWords } from "../language";
import { problemText } from "../texts";
import { isOfTheForm } from "./refusal";
import { notice } from "./Notices";

/**
 * Something a button does: once at a time, and a refusal is said, in the form that was refused where it has a place for it. Gives whether
 * it runs.
 */
export function useAction(work: () => Promise<void>, onRefusal?: (text: string) => void): [run: () => void, isBusy: boolean] {
  const { t } = useWords();
  const [isBusy, setBusy] = useState(false);
  const running = useRef(false);
  const run = () => {
    if (running.current) return;
    running.current = true;
    setBusy(true);
    work()
      .catch((thrown: unknown) => {
        const problem = Problem.from(thrown);
        const text = problemText(t, problem);
        if (onRefusal && isOfTheForm(problem)) onRefusal(text);
        else notice(text, true);
      })
      .finally(() => {
        running.current = false;
        setBusy(false);
      });
  };
  return [run, isBusy];
}
