// When a file was written, beside a time of this process.
import Foundation

/// - Returns: when the file was last written, if that was not before `start`; nil otherwise, or if there is no file.
package func timeWritten(_ path: String, since start: Date) -> Date? {
  let attributes = try? FileManager.default.attributesOfItem(atPath: path)
  guard let written = attributes?[.modificationDate] as? Date else { return nil }
  // Linux stamps files with the time of its last tick, which may be 10 ms ago.
  return written >= start - 0.02 ? written : nil
}
