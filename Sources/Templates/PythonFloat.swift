// Python's way to write and read floating-point numbers.
import Foundation

package enum PythonFloat {
  /// The shortest text that reads back as the same number, as `repr` writes it.
  package static func representation(_ value: Double) -> String {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value < 0 ? "-inf" : "inf" }
    // Swift finds the same digits; it puts the exponent at other sizes.
    let parts = "\(value.magnitude)".split(separator: "e")
    let mantissa = parts[0].split(separator: ".")
    let fraction = mantissa.count > 1 && mantissa[1] != "0" ? mantissa[1] : ""
    var digits = Array(mantissa[0] + fraction)
    var exponent = (parts.count > 1 ? Int(parts[1])! : 0) + mantissa[0].count - 1
    while digits.count > 1, digits[0] == "0" {
      digits.removeFirst()
      exponent -= 1
    }
    while digits.count > 1, digits.last == "0" { digits.removeLast() }
    if value == 0 { exponent = 0 }
    let sign = value.sign == .minus ? "-" : ""
    if exponent < -4 || exponent >= 16 {
      let rest = digits.count > 1 ? "." + String(digits[1...]) : ""
      let size = String(exponent.magnitude)
      return sign + String(digits[0]) + rest + (exponent < 0 ? "e-" : "e+") + (size.count < 2 ? "0" : "")
        + size
    }
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + String(digits) }
    if digits.count <= exponent + 1 {
      return sign + String(digits) + String(repeating: "0", count: exponent + 1 - digits.count) + ".0"
    }
    return sign + String(digits[...exponent]) + "." + String(digits[(exponent + 1)...])
  }

  /// What `float` reads; nil where it raises.
  static func parse(_ text: [UInt8]) -> Double? {
    guard let digits = PythonInteger.plainDigits(text) else { return nil }
    let lower = digits.lowercased()
    let unsigned = lower.drop { $0 == "+" || $0 == "-" }
    guard lower.count - unsigned.count <= 1 else { return nil }
    if unsigned == "inf" || unsigned == "infinity" { return lower.hasPrefix("-") ? -.infinity : .infinity }
    if unsigned == "nan" { return .nan }
    guard unsigned.allSatisfy({ "0123456789.e+-".contains($0) }), unsigned.contains(where: \.isNumber) else {
      return nil
    }
    return lower.withCString { start in
      var end: UnsafeMutablePointer<CChar>?
      let value = strtod(start, &end)
      return end?.pointee == 0 ? value : nil
    }
  }

  /// `value` with a C format of one number, such as `%.*f`.
  static func format(_ format: String, precision: Int, _ value: Double) -> String {
    withVaList([Int32(precision), value]) { arguments in
      var buffer = [CChar](repeating: 0, count: precision + 340)
      let count = vsnprintf(&buffer, buffer.count, format, arguments)
      return String(decoding: buffer[..<Int(count)].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
  }

  /// Rounded half to even at a decimal place, correctly as Python's `round` does.
  static func rounded(_ value: Double, _ places: Int) -> Double {
    guard value.isFinite, places < 324 else { return value }
    guard places > -309 else { return 0 * value }
    if places >= 0 { return Double(format("%.*f", precision: places, value)) ?? value }
    // Python divides by a power of ten and multiplies again with exact digits; whole numbers of 17 digits suffice.
    let scale = pow(10, Double(-places))
    let scaled = (value / scale).rounded(.toNearestOrEven)
    return Double("\(scaled == 0 ? 0 : scaled)").map { $0 * scale } ?? value
  }
}
