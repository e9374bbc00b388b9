import { Problem } from "@koi/client";
import type { FormInstance } from "antd";
import { namePath } from "./path";
import { useTexts } from "./texts";

/** A problem in the operator's language: by its code where that is known, else in the server's words. */
export function useProblemText(): (thrown: unknown) => string {
  const { word, language } = useTexts();
  return (thrown) => {
    const problem = Problem.from(thrown);
    const text = word("problem", problem.code);
    const known = text !== problem.code.replaceAll("_", " ");
    if (!known) return problem.message || text;
    // The server speaks English; its detail names the culprit, which a translated code alone does not.
    return language === "en" && problem.status !== 0 && problem.status < 500 ? problem.message || text : text;
  };
}

/** Shows a problem at its field; false where the form has no such field, or the problem names none. */
export function placeProblem(form: FormInstance, thrown: unknown, text: string, isShown: (path: (string | number)[]) => boolean = () => true): boolean {
  const { field } = Problem.from(thrown);
  if (field === undefined) return false;
  const path = namePath(field);
  if (path.length === 0 || !isShown(path)) return false;
  form.setFields([{ name: path, errors: [text] }]);
  form.scrollToField(path, { block: "center", focus: true });
  return form.getFieldInstance(path) !== undefined;
}
