import { defineConfig } from 'vite';

declare const process: { env: Record<string, string | undefined> };

// Assets are referred to relatively, so that the page works under any path prefix.
export default defineConfig({
  base: './',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: false },
  server: {
    proxy: {
      // The server to develop against: npm run dev with API=http://127.0.0.1:9090.
      '/api': process.env.API ?? 'http://127.0.0.1:9090',
      '/-/': process.env.API ?? 'http://127.0.0.1:9090',
    },
  },
});
