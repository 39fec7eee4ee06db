// Builds the entry points into the Python package, beside the code that serves them.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

// Compressed once here, at the highest level, instead of with every answer.
export const compressed = (): Plugin => ({
  name: "compressed",
  apply: "build",
  writeBundle(options, bundle) {
    for (const name of Object.keys(bundle)) {
      if (!/\.(?:js|css|svg)$/.test(name) || options.dir === undefined) continue;
      const data = readFileSync(join(options.dir, name));
      const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
      writeFileSync(join(options.dir, `${name}.br`), brotliCompressSync(data, { params }));
      writeFileSync(join(options.dir, `${name}.gz`), gzipSync(data, { level: 9 }));
    }
  },
});

export default defineConfig({
  // Scripts find each other by relative addresses, below whatever path a site has.
  base: "./",
  publicDir: false,
  plugins: [compressed()],
  build: {
    outDir: "../src/stemhouse/_ui",
    emptyOutDir: true,
    assetsDir: "",
    // Data in addresses is not what our content security policy allows.
    assetsInlineLimit: 0,
    manifest: "manifest.json",
    // The licences of what is bundled go where the bundles go.
    license: { fileName: "licences.md" },
    modulePreload: { polyfill: false },
    target: "es2022",
    rolldownOptions: {
      input: [
        "src/app/site.ts",
        "src/app/studio.ts",
        "src/app/player.ts",
        "src/app/admin.ts",
        "src/styles/site.css",
      ],
    },
  },
});
