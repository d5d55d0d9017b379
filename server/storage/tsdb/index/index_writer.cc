#include "server/storage/tsdb/index/index_writer.h"
