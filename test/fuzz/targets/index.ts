// All that is fuzzed.
import type { FuzzTarget } from '../target.ts';
import { archive } from './archive.ts';
import { frames } from './frames.ts';
import { intake } from './intake.ts';
import { redactorTarget } from './redactor.ts';
import { streamJson } from './stream-json.ts';
import { tail } from './tail.ts';
import { workflow } from './workflow.ts';

export const targets: readonly FuzzTarget[] = [frames, archive, workflow, intake, tail, streamJson, redactorTarget];
