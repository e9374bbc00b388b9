import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { startTheme } from "../shared/theme";
import "../shared/tokens.css";

startTheme();
const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <main>Koi</main>
    </StrictMode>,
  );
}
