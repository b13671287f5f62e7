import Base
import Templates
import Testing
