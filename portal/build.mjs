// Bundles the portal's scripts and styles into the Python package: each under a name that holds the digest of its
// content, packed beside, with a manifest of the names that templates use.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "..", "src", "weft", "server", "portal", "assets");

const entries = [
  ...readdirSync(join(here, "scripts")).filter((n) => n.endsWith(".js")).map((n) => join(here, "scripts", n)),
  ...readdirSync(join(here, "styles")).filter((n) => n.endsWith(".css") && !n.startsWith("_")).map((n) => join(here, "styles", n)),
];

const made = await build({
  entryPoints: entries,
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  target: ["chrome123", "firefox120", "safari17.5"],
  legalComments: "none",
  outdir: out,
  absWorkingDir: here,
});

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const pictures = readdirSync(join(here, "styles")).filter((n) => n.endsWith(".svg"));
const files = [
  ...made.outputFiles.map((file) => ({ name: basename(file.path), contents: file.contents })),
  ...pictures.map((name) => ({ name, contents: readFileSync(join(here, "styles", name)) })),
];
const manifest = {};
for (const file of files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
  const { name } = file;
  const digest = createHash("sha256").update(file.contents).digest("hex").slice(0, 12);
  const kept = name.replace(/\.(\w+)$/, `-${digest}.$1`);
  manifest[name] = kept;
  writeFileSync(join(out, kept), file.contents);
  writeFileSync(join(out, `${kept}.gz`), gzipSync(file.contents, { level: 9 }));
}
writeFileSync(join(out, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
