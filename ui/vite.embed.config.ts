// Builds the player once more, as the one file that other people's pages load (docs/player.md).
import { defineConfig } from "vite";
import { compressed } from "./vite.config.ts";

export default defineConfig({
  publicDir: false,
  plugins: [compressed()],
  build: {
    outDir: "../src/stemhouse/_ui",
    // Beside what vite.config.ts built.
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: "src/app/embed.ts", formats: ["es"], fileName: () => "player.js" },
    rolldownOptions: { output: { codeSplitting: false } },
    minify: true,
  },
});
