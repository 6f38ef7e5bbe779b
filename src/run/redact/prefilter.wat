;; Finds where one of some short byte strings ("anchors") may begin, 16 places of the text at a time.
;;
;; This is the search called Teddy, of Intel's Hyperscan. Each anchor belongs to some of eight buckets, a bit each. For each of
;; the first three bytes of an anchor there are two tables of 16 entries: which buckets have an anchor whose byte has this low
;; half, and which have one with this high half. A place of the text keeps the bit of a bucket only if all six look-ups have
;; it. What is left is looked up once more by its first three bytes, as halves of different anchors can make up a place together.
;;
;; Memory, filled by prefilter.ts, which names the same addresses:
;;       0  the tables of halves: low and high half of byte 0, of byte 1, of byte 2; 16 bytes each
;;    1024  the text: at most 65,536 bytes, and 17 bytes behind them that are read too
;;  131072  for each hash of three bytes whether an anchor begins with them: 65,536 bytes of 0 or 1
;;  196608  the answer: 4 bytes for each place found
(module
  (memory (export "memory") 8)

  ;; The places below $length at which an anchor may begin, in ascending order. Returns their number.
  (func (export "scan") (param $length i32) (result i32)
    (local $at i32) (local $found i32) (local $places i32) (local $place i32) (local $bytes v128)
    (local $low0 v128) (local $high0 v128) (local $low1 v128) (local $high1 v128)
    (local $low2 v128) (local $high2 v128) (local $half v128)
    (local.set $low0 (v128.load (i32.const 0)))
    (local.set $high0 (v128.load (i32.const 16)))
    (local.set $low1 (v128.load (i32.const 32)))
    (local.set $high1 (v128.load (i32.const 48)))
    (local.set $low2 (v128.load (i32.const 64)))
    (local.set $high2 (v128.load (i32.const 80)))
    (local.set $half (i8x16.splat (i32.const 15)))
    (block $end
      (loop $next
        (br_if $end (i32.ge_u (local.get $at) (local.get $length)))

        ;; The buckets that all three bytes have in common, for 16 places.
        (local.set $bytes (v128.load offset=1024 (local.get $at)))
        (v128.and
          (i8x16.swizzle (local.get $low0) (v128.and (local.get $bytes) (local.get $half)))
          (i8x16.swizzle (local.get $high0) (i8x16.shr_u (local.get $bytes) (i32.const 4))))
        (local.set $bytes (v128.load offset=1025 (local.get $at)))
        (v128.and
          (i8x16.swizzle (local.get $low1) (v128.and (local.get $bytes) (local.get $half)))
          (i8x16.swizzle (local.get $high1) (i8x16.shr_u (local.get $bytes) (i32.const 4))))
        (v128.and)
        (local.set $bytes (v128.load offset=1026 (local.get $at)))
        (v128.and
          (i8x16.swizzle (local.get $low2) (v128.and (local.get $bytes) (local.get $half)))
          (i8x16.swizzle (local.get $high2) (i8x16.shr_u (local.get $bytes) (i32.const 4))))
        (v128.and)

        ;; A bit for each of the 16 places that still has a bucket.
        (local.set $places (i32.xor (i8x16.bitmask (i8x16.eq (v128.const i64x2 0 0))) (i32.const 0xffff)))
        (block $none
          (loop $each
            (br_if $none (i32.eqz (local.get $places)))
            (local.set $place (i32.add (local.get $at) (i32.ctz (local.get $places))))
            ;; Written always, counted only if an anchor begins with these three bytes.
            (i32.store offset=196608 (i32.shl (local.get $found) (i32.const 2)) (local.get $place))
            (local.set $found
              (i32.add (local.get $found)
                (i32.load8_u offset=131072
                  (i32.and (i32.const 0xffff)
                    (i32.xor (i32.shl (i32.load8_u offset=1024 (local.get $place)) (i32.const 10))
                      (i32.xor (i32.shl (i32.load8_u offset=1025 (local.get $place)) (i32.const 5))
                        (i32.load8_u offset=1026 (local.get $place))))))))
            ;; Clears the lowest bit.
            (local.set $places (i32.and (local.get $places) (i32.sub (local.get $places) (i32.const 1))))
            (br $each)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
    (local.get $found)))
