// The live page: one Preact application that the hub serves as files. This file starts it: styles, the guard that keeps libraries
// inside the Content-Security-Policy, and the first view.
// Data comes from the server as answers of the API (api/) and messages of the tail (fleet.ts, run-session.ts), becomes what views
// ask for in pure functions (model/, output/), and is drawn by views/. Types come from src/api, so that a changed answer is an error
// here. Nothing else calls into this folder.
import { render } from 'preact';
import { startApp } from './app-state.ts';
import { startFleet } from './fleet.ts';
import { installStyleGuard } from './style-guard.ts';
import './styles/index.css';
import { App } from './views/app.tsx';

installStyleGuard();
startFleet();
startApp();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
