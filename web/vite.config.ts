import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';

// What ends up in the pages, with the licences that ask to be shown.
const shipped = ['preact', '@preact/signals', '@preact/signals-core', 'uplot'];

function licenses(): Plugin {
  return {
    name: 'licenses',
    generateBundle() {
      const source = shipped
        .map((name) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8').trim()}\n`)
        .join(`\n${'-'.repeat(80)}\n\n`);
      this.emitFile({ type: 'asset', fileName: 'assets/third-party-licenses.txt', source });
    },
  };
}

// The server to develop against: API=http://127.0.0.1:9090 npm run dev
const api = process.env.API ?? 'http://127.0.0.1:9090';

// Assets are referred to relatively, so that the pages work under any path prefix.
export default defineConfig({
  base: './',
  plugins: [licenses()],
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: false },
  server: { proxy: { '/api': api, '/-/': api } },
});
