import type { InputRef } from "antd";
import { useEffect, useRef } from "react";

/** A field that has the focus when it appears, where it is the one thing that the page or the dialog asks for. */
export function useFirst() {
  const field = useRef<InputRef>(null);
  useEffect(() => field.current?.focus(), []);
  return field;
}
