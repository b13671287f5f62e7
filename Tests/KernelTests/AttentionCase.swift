// The shapes, masks and forms of attention that its kernels are checked with.
import Testing

/// One attention with random operands that lie in rows with gaps.
struct AttentionCase: CustomTestStringConvertible, Sendable {
  var sequences = 1
  var queries: Int
  /// Keys beyond the queries, as in decoding.
  var earlier = 0
  var heads = 1
  var keyHeads = 1
  var width: Int
  var packed = false
  /// Any interval of keys, even an empty one, instead of the keys up to the query itself.
  var anyInterval = false
  var dropout = 0.0
  var isCausal = true
  var window: Int?
  var softCap: Float?
  /// Whether scores have a bias by distance.
  var biased = false
  /// Whether query, key and value of a head lie side by side.
  var interleaved = false
  var size: Float = 1
  /// A slope is taken every so many elements, as each costs a whole forward pass.
  var step = 1

  var keys: Int { queries + earlier }
  var headStride: Int { interleaved ? 3 * width : width }
  var testDescription: String {
    "\(sequences)x\(queries)+\(earlier), \(heads)/\(keyHeads) heads of \(width), packed \(packed), any \(anyInterval), "
      + "dropout \(dropout), causal \(isCausal), window \(window ?? 0), cap \(softCap ?? 0), bias \(biased), "
      + "interleaved \(interleaved), size \(size)"
  }

  static let all = [
    AttentionCase(queries: 1, width: 1),
    AttentionCase(queries: 3, width: 2),
    AttentionCase(sequences: 2, queries: 5, heads: 4, keyHeads: 2, width: 3),
    AttentionCase(sequences: 2, queries: 17, heads: 3, keyHeads: 1, width: 15, packed: true, step: 5),
    AttentionCase(sequences: 3, queries: 16, heads: 2, keyHeads: 2, width: 16, dropout: 0.3, step: 7),
    AttentionCase(
      sequences: 2, queries: 33, heads: 4, keyHeads: 2, width: 4, packed: true, dropout: 0.2, step: 7),
    // More than one block of 64 queries.
    AttentionCase(queries: 100, heads: 2, width: 5, packed: true, step: 13),
    AttentionCase(
      sequences: 2, queries: 130, heads: 4, keyHeads: 2, width: 8, packed: true, dropout: 0.1, step: 211),
    // Fewer queries than keys.
    AttentionCase(sequences: 2, queries: 1, earlier: 32, heads: 2, width: 7),
    AttentionCase(
      sequences: 2, queries: 4, earlier: 70, heads: 4, keyHeads: 1, width: 3, packed: true, dropout: 0.4),
    AttentionCase(queries: 70, earlier: 15, heads: 2, width: 4, packed: true, step: 11),
    // Windows, rows that see all keys of others, and queries that see none.
    AttentionCase(sequences: 2, queries: 9, heads: 2, width: 4, anyInterval: true),
    AttentionCase(
      sequences: 2, queries: 70, earlier: 20, heads: 4, keyHeads: 2, width: 4, anyInterval: true,
      dropout: 0.2, step: 23),
    AttentionCase(sequences: 9, queries: 67, heads: 2, width: 8, anyInterval: true, step: 101),
    // Windows of the last keys, of one key, and of keys on both sides.
    AttentionCase(sequences: 2, queries: 21, heads: 4, keyHeads: 2, width: 5, packed: true, window: 6),
    AttentionCase(queries: 150, heads: 2, width: 3, dropout: 0.2, window: 17, step: 19),
    AttentionCase(queries: 70, earlier: 15, heads: 2, width: 4, window: 1, step: 11),
    AttentionCase(sequences: 2, queries: 3, earlier: 40, heads: 2, width: 7, window: 9),
    AttentionCase(sequences: 2, queries: 131, heads: 2, width: 5, isCausal: false, window: 14, step: 37),
    AttentionCase(sequences: 9, queries: 19, heads: 2, width: 4, isCausal: false, window: 5, step: 13),
    // Capped scores, which reach the cap.
    AttentionCase(
      sequences: 2, queries: 19, heads: 4, keyHeads: 2, width: 7, packed: true, softCap: 3, size: 5),
    AttentionCase(queries: 90, heads: 2, width: 4, dropout: 0.1, window: 21, softCap: 0.7, size: 3, step: 17),
    // Biases: causal with a cache, both directions, a head that workers share, and one that they do not.
    AttentionCase(sequences: 2, queries: 9, heads: 4, keyHeads: 2, width: 3, packed: true, biased: true),
    AttentionCase(queries: 5, earlier: 13, heads: 2, width: 4, biased: true),
    AttentionCase(
      sequences: 2, queries: 75, heads: 3, keyHeads: 3, width: 5, dropout: 0.2, isCausal: false,
      biased: true, step: 29),
    AttentionCase(sequences: 9, queries: 67, heads: 2, width: 8, isCausal: false, biased: true, step: 101),
    AttentionCase(
      sequences: 3, queries: 30, heads: 6, keyHeads: 6, width: 4, isCausal: false, window: 8, biased: true,
      step: 17),
    // Query, key and value of a head side by side.
    AttentionCase(
      sequences: 2, queries: 23, heads: 3, keyHeads: 3, width: 6, packed: true, interleaved: true),
    // Scores of some thousands: softmax is all or nothing.
    AttentionCase(sequences: 2, queries: 20, heads: 2, width: 16, size: 60, step: 9),
  ]
}
