// Objects of the threads that multiply.
import Base
import Foundation

/// An object of each thread, made at its first use, for as long as the thread lives.
package struct ThreadOwned<Object: AnyObject>: Sendable {
  private let key: pthread_key_t
  private let make: @Sendable () -> Object

  package init(_ make: @escaping @Sendable () -> Object) {
    var key = pthread_key_t()
    Self.check(pthread_key_create(&key) { Unmanaged<AnyObject>.fromOpaque($0!).release() })
    self.key = key
    self.make = make
  }

  package var ofThread: Object {
    if let known = pthread_getspecific(key) { return Unmanaged.fromOpaque(known).takeUnretainedValue() }
    let object = make()
    Self.check(pthread_setspecific(key, Unmanaged.passRetained(object).toOpaque()))
    return object
  }

  private static func check(_ code: Int32) {
    guard code != 0 else { return }
    FatalEnd.end(
      UserError(.data, "no room for the memory of threads: \(String(cString: strerror(code)))", hint: ""))
  }
}
