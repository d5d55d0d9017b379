#include "server/storage/tsdb/index/index_reader.h"
