// Numbers as people read them.
import Foundation

/// A number with zeros before it, at least `width` digits long.
package func zeroPadded(_ digits: String, to width: Int) -> String {
  String(repeating: "0", count: max(width - digits.count, 0)) + digits
}

/// Two hexadecimal digits for each byte.
package func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { zeroPadded(String($0, radix: 16), to: 2) }.joined()
}

/// A cell of a table: a text with spaces behind it, one at least.
package func cell(_ text: String, width: Int) -> String {
  text + String(repeating: " ", count: max(width - text.count, 1))
}

/// 1234567 as 1,234,567.
package func grouped(_ value: Int) -> String {
  var digits = String(abs(value))
  var groups: [String] = []
  while digits.count > 3 {
    groups.insert(String(digits.suffix(3)), at: 0)
    digits.removeLast(3)
  }
  return (value < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
}

package func counted(_ count: Int, _ noun: String, _ plural: String? = nil) -> String {
  "\(grouped(count)) \(count == 1 ? noun : plural ?? noun + "s")"
}

package func decimals(_ value: Double, _ digits: Int = 4) -> String { String(format: "%.\(digits)f", value) }

package func scientific(_ value: Double) -> String { String(format: "%.2e", value) }

/// Hours, minutes and seconds as 1:02:03 or 2:03.
package func duration(_ seconds: Double) -> String {
  let total = seconds.isFinite ? Int(min(max(seconds, 0), 1e9).rounded()) : 0
  let tail = String(format: "%02d:%02d", total / 60 % 60, total % 60)
  return total >= 3600 ? "\(total / 3600):\(tail)" : tail
}

package func gigabytes(_ bytes: Double) -> String { decimals(bytes / 1e9, 1) + " GB" }

/// Bytes as GB, or as MB where these are few.
package func fileSize(_ bytes: Int) -> String {
  bytes >= 1_000_000_000 ? gigabytes(Double(bytes)) : decimals(Double(bytes) / 1e6, 1) + " MB"
}
