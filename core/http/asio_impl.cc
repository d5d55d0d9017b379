// The one translation unit that holds the code of the header-only network libraries.
#include <boost/asio/impl/src.hpp>
