// What the last bits of a run depend on beside its recipe.
import Base
import Checkpoints
import Collectives
import Foundation
import Kernels

/// What stands between the library and its kernels.
private let kernelsMark = ", kernels "

extension Replica {
  private var compute: String {
    switch weights.type {
    case .float32: "float32"
    case .bfloat16:
      "bfloat16 by \(engine.halves.name)" + (engine.hasHalfDots ? ", attention by avx512_bf16" : "")
    }
  }

  /// What must be the same for a run to give the same bits on another machine or day.
  func fingerprint(microBatchSize: Int, exact: Bool, context: Int = 1) -> [JSON.Member] {
    let kept: [(String, JSON)] =
      (keeping.storage == .float32
        ? [] : [("training.activation_dtype", .string(keeping.storage.rawValue))])
      + (context == 1 ? [] : [("parallel.context", .integer(context))])
    return
      ([
        ("blas", .string(engine.blas.version + kernelsMark + engine.blas.kernelName)),
        ("instructions", .string(engine.blas.isPortable ? "any" : builtInstructionSet)),
        ("compute", .string(compute)),
        ("training.micro_batch_size", .integer(microBatchSize)),
        ("training.exact", .bool(exact)),
      ] + kept).map { (name: String, value: JSON) in JSON.Member(key: Array(name.utf8), value: value) }
  }
}

extension Ranks {
  /// Refuses ranks whose results differ although nothing is wrong with them. Collective.
  func checkSameBits(_ fingerprint: [JSON.Member]) throws {
    let all = gather(JSON.object(fingerprint).encoded())
    guard let other = all.indices.first(where: { all[$0] != all[0] }) else { return }
    try together {
      guard isFirst else { return }
      let theirs = try JSON.parse(all[other])
      let part = fingerprint.first { theirs[String(decoding: $0.key, as: UTF8.self)] != $0.value }
      let name = part.map { String(decoding: $0.key, as: UTF8.self) } ?? "the recipe"
      func word(_ value: JSON?) -> String { value.map { $0.text ?? $0.encoded() } ?? "unknown" }
      throw UserError(
        .usage,
        "\(name) is \(word(part?.value)) on rank 0 and \(word(theirs[name])) on rank \(other), which round differently",
        at: "training.audit",
        hint:
          "set parallel.arithmetic to portable, parallel.blas_kernel to what all processors have, or audit to 0"
      )
    }
  }
}

extension TrainingState {
  /// The library's kernels that the run multiplied matrices with, as `parallel.blas_kernel` names them; nil if it does
  /// not say, or had products of our own.
  var kernels: String? {
    let blas = fingerprint.first { $0.key.elementsEqual("blas".utf8) }?.value.text
    guard let blas, let mark = blas.range(of: kernelsMark, options: .backwards) else { return nil }
    let name = String(blas[mark.upperBound...])
    return name.isEmpty || BLAS.ownNames.contains(name) ? nil : name
  }

  /// The differences from now, in one line; nil if there are none.
  func differences(from now: [JSON.Member]) -> String? {
    let changes = now.compactMap { part -> String? in
      let then = fingerprint.first { $0.key == part.key }?.value
      guard then != part.value else { return nil }
      func word(_ value: JSON?) -> String { value.map { $0.text ?? $0.encoded() } ?? "unknown" }
      return "\(String(decoding: part.key, as: UTF8.self)) was \(word(then)) and is \(word(part.value))"
    }
    // What only one of two runs names has its default in the other.
    let gone = fingerprint.filter { part in !now.contains { $0.key == part.key } }.map { part in
      "\(String(decoding: part.key, as: UTF8.self)) was \(part.value.text ?? part.value.encoded()) and is its default"
    }
    guard !changes.isEmpty || !gone.isEmpty else { return nil }
    return (changes + gone).joined(separator: "; ")
      + ": losses will agree with those of an undisturbed run to rounding only"
  }
}
