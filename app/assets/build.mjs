// Builds app/static/dist: hashed names and manifest.json, which app/core/assets.py reads.
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile, access, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, '..', 'static', 'dist');
const require = createRequire(import.meta.url);
const started = performance.now();

const FONTS = {
  'fonts/NotoSerifSC-Regular.ttf': '@expo-google-fonts/noto-serif-sc/400Regular/NotoSerifSC_400Regular.ttf',
  'fonts/NotoSerifSC-Bold.ttf': '@expo-google-fonts/noto-serif-sc/700Bold/NotoSerifSC_700Bold.ttf',
  'fonts/NotoSansSC-Regular.ttf': '@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf',
  'fonts/NotoSansSC-Bold.ttf': '@expo-google-fonts/noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf',
};

const entries = {
  app: join(here, 'js/app.js'), cropper: join(here, 'js/cropper.js'), viewer: join(here, 'js/viewer.js'),
};
const styles = { app: join(here, 'css/app.css'), viewer: join(here, 'css/viewer.css') };

const common = {
  bundle: true, minify: true, metafile: true, outdir: dist, entryNames: '[name]-[hash]', assetNames: '[name]-[hash]',
  legalComments: 'linked', logLevel: 'warning', target: ['chrome109', 'firefox115', 'safari16'],
  loader: { '.woff': 'empty', '.woff2': 'file', '.svg': 'dataurl' },
};

// The names people ask for, from what esbuild says it wrote.
function named(metafile, ending) {
  const root = join(here, '..', '..');
  return Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint).map(([path, output]) => {
    const name = output.entryPoint.split('/').pop().replace(/\.\w+$/, ending);
    return [name, relative(dist, join(root, path)).replaceAll('\\', '/')];
  });
}

// Fonts are 10 to 15 MB each: copied only when they are not there yet.
async function copyFont([target, source]) {
  const from = require.resolve(source), to = join(dist, target);
  const same = await stat(to).then(async (there) => there.size === (await stat(from)).size, () => false);
  if (!same) await copyFile(from, to);
}

async function hashedIcon() {
  const bytes = await readFile(join(here, 'icon.svg'));
  const name = `icon-${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}.svg`;
  await writeFile(join(dist, name), bytes);
  return ['icon.svg', name];
}

process.chdir(join(here, '..', '..'));
const before = await access(join(dist, 'manifest.json')).then(async () => JSON.parse(await readFile(join(dist, 'manifest.json'))), () => ({}));
await mkdir(join(dist, 'fonts'), { recursive: true });
const [scripts, sheets, icon] = await Promise.all([
  build({ ...common, entryPoints: entries, format: 'esm' }),
  build({ ...common, entryPoints: styles }),
  hashedIcon(),
  ...Object.entries(FONTS).map(copyFont),
]);
const manifest = Object.fromEntries([
  ...named(scripts.metafile, '.js'), ...named(sheets.metafile, '.css'), icon,
  ...Object.keys(FONTS).map((name) => [name, name]),
].sort());
await writeFile(join(dist, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
for (const name of Object.keys(before)) {
  if (manifest[name] === before[name]) continue;
  await rm(join(dist, before[name]), { force: true });
  await rm(join(dist, `${before[name]}.LEGAL.txt`), { force: true });
}
console.log(`${Object.keys(manifest).length} files in ${Math.round(performance.now() - started)} ms`);
