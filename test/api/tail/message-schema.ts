// Every message that a server may send, as one schema: what is not in it fails a test.
import { z } from 'zod';
import {
  connectionMessages,
  journalMessages,
  listMessages,
  stateMessages,
  subscriptionMessages,
} from '../../../src/api/schema/messages.ts';

const all = {
  ...connectionMessages,
  ...journalMessages,
  ...listMessages,
  ...stateMessages,
  ...subscriptionMessages,
};

const iso = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);

export const messagesSchema = z.union(
  Object.entries(all).map(([type, data]) =>
    z.strictObject({
      type: z.literal(type),
      executionId: z.string().nullable(),
      seq: z.int().nullable(),
      timestamp: iso,
      data,
    }),
  ),
);
