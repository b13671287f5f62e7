// Which kernels a run takes where its recipe names none: the fastest on its own shapes, by measurement.
import Base

/// A product to time: C [m, n] = A B over k.
package struct ProductShape: Codable, Equatable, Sendable {
  package let transposition: Transposition
  package let m, n, k: Int

  /// The products of a linear layer of a model: y = x Wᵀ, dx = dy W and dW = dyᵀ x, cut to sizes that take at
  /// most some 3 ms each on one core with AVX-512.
  /// - Parameters:
  ///   - width, inner: the columns and rows of W.
  ///   - rows: tokens of a micro-batch.
  package static func layer(width: Int, inner: Int, rows: Int) -> [ProductShape] {
    var (width, inner, rows) = (min(width, 1 << 20), min(inner, 1 << 20), min(rows, 512))
    let most = 1 << 27
    if rows * width * inner > most { rows = min(rows, 128) }
    while rows * width * inner > most { if inner >= width { inner /= 2 } else { width /= 2 } }
    return [
      ProductShape(transposition: .second, m: rows, n: inner, k: width),
      ProductShape(transposition: .none, m: rows, n: width, k: inner),
      ProductShape(transposition: .first, m: inner, n: width, k: rows),
    ]
  }

  /// Those of GPT-2 124M, where the model is not known.
  package static let usual = layer(width: 768, inner: 3072, rows: 512)

  /// Short, to tell shapes apart.
  package var words: String { "\(transposition.rawValue)\(m)x\(n)x\(k)" }
}

package struct KernelChoice: Codable, Equatable, Sendable {
  /// A candidate's seconds for one product of each shape.
  package struct Time: Codable, Equatable, Sendable {
    package let name: String
    package let seconds: Double

    package init(_ name: String, _ seconds: Double) {
      self.name = name
      self.seconds = seconds
    }
  }

  /// As `BLAS.open` takes it.
  package let name: String
  /// What the rule of the processor takes.
  package let usual: String
  /// What was measured, the fastest first.
  package let times: [Time]
  /// The candidates that gave no time, and why not.
  package let leftOut: [String]
  /// The files that were measured.
  package let files: [FileStamp]
  /// True where times differ too much to choose by; otherwise nil.
  private let isUnsure: Bool?

  /// The share of the usual time that another candidate may take at most. The fastest of a few calls differs by 1 to
  /// 3 % from one start to the next, and that must not give other bits to machines of one type.
  private static let margin = 0.95

  /// Chooses by times that are given.
  /// - Parameters:
  ///   - usual: what stays unless another candidate is at least 5 % faster, or if it has no time itself.
  ///   - isSure: whether times may be relied on; if not, the usual one stays.
  package init(
    usual: String, times: [Time], leftOut: [String] = [], files: [FileStamp] = [], isSure: Bool = true
  ) {
    let valid = times.filter { $0.seconds > 0 && $0.seconds.isFinite }
    // The order of those that are equally fast is that in which they are given.
    let sorted = valid.enumerated().sorted {
      ($0.element.seconds, $0.offset) < ($1.element.seconds, $1.offset)
    }.map(\.element)
    let limit = valid.first { $0.name == usual }.map { $0.seconds * Self.margin }
    let best = sorted.first.flatMap { first in limit.map { first.seconds <= $0 } == true ? first : nil }
    name = (isSure ? best?.name : nil) ?? usual
    self.usual = usual
    self.times = sorted
    self.leftOut = leftOut
    self.files = files
    isUnsure = isSure ? nil : true
  }

  /// Whether the choice rests on a time of what it may replace.
  package var isMeasured: Bool { isUnsure != true && times.contains { $0.name == usual } }

  /// The figures, in words.
  package var words: String {
    let figures = times.map { "\($0.name) \(milliseconds($0.seconds)) ms" }.joined(separator: ", ")
    let out = leftOut.isEmpty ? "" : "; left out: " + leftOut.joined(separator: ", ")
    let lack = isMeasured ? "" : ", as the machine was too busy to tell"
    return "\(name)" + (figures.isEmpty ? "" : " (\(figures))") + lack + out
  }

  private func milliseconds(_ seconds: Double) -> String {
    let hundredths = Int((seconds * 1e5).rounded())
    return "\(hundredths / 100).\(hundredths / 10 % 10)\(hundredths % 10)"
  }
}

/// What the ranks of a run can all use.
package enum KernelCandidates {
  /// The name for OpenBLAS's own choice.
  package static let automatic = "auto"

  /// OpenBLAS's kernels that a processor can run; what the rule takes is first.
  package static func families(_ sets: InstructionSets = .offered) -> [String] {
    (sets.hasAVX512 ? ["SkylakeX"] : [automatic])
      + (sets.hasAVX2 ? ["Haswell", "Zen"] : [])
      + (sets.hasAVX512BF16 ? ["Cooperlake"] : []) + (sets.hasAMXBF16 ? ["Sapphirerapids"] : [])
  }

  /// What all ranks can use, the usual one first; empty if there is none.
  /// - Parameters:
  ///   - families: those of each rank.
  ///   - others: the other libraries that each rank can open, or that it did not look for.
  ///   - processors: the processor of each rank. Other libraries and OpenBLAS itself choose by it, so on several kinds
  ///     only named kernels give the same bits.
  ///   - known: all other libraries. Where ranks have the same ones, a measurement finds out which are missing, and its
  ///     question is the same on one host and on several.
  package static func common(
    families: [[String]], others: [[String]], processors: [String],
    known: [String] = OtherProducts.all.map(\.name)
  ) -> [String] {
    guard let first = families.first else { return [] }
    let isOneKind = Set(processors).count == 1
    let shared = first.filter { name in
      families.allSatisfy { $0.contains(name) } && (isOneKind || name != automatic)
    }
    guard isOneKind else { return shared }
    return shared
      + known.filter { name in Set(others).count == 1 || others.allSatisfy { $0.contains(name) } }
  }
}
