// Starts the page: styles, the guard that keeps libraries inside the Content-Security-Policy, and the first view.
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
