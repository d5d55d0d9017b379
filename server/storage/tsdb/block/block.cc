#include "server/storage/tsdb/block/block.h"
