// Where tests find the project and the shared data, and how they compare numbers.
import Foundation

enum Fixtures {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// On CI nothing may be skipped.
  static let hasShared =
    FileManager.default.fileExists(atPath: shared("README.md"))
    || ProcessInfo.processInfo.environment["CI"] == "true"

  static func shared(_ path: String) -> String { root + "/../shared/data/" + path }
}

/// The largest absolute difference; infinite where the counts differ or anything is NaN.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { worst, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(worst, difference)
  }
}

func norm(_ values: [Float]) -> Double {
  values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// ‖a − b‖ / ‖b‖; infinite where the counts differ or anything is NaN.
func relativeError(_ a: [Float], _ b: [Float]) -> Double {
  guard a.count == b.count else { return .infinity }
  let difference = zip(a, b).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
  let size = b.reduce(0) { $0 + Double($1) * Double($1) }
  let error = (difference / max(size, 1e-30)).squareRoot()
  return error.isNaN ? .infinity : error
}
