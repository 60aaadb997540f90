/* Preloaded into a server: makes fsync as slow as a bad disk, and writes down what a power cut would leave.
 *
 * FSYNC_DELAY_MS  how long each fsync takes while FSYNC_SLOW is there
 * FSYNC_SLOW      a file
 * FSYNC_LOG       file of lines "inode size": what is on disk once the fsync has returned
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void note(const struct stat *file) {
    const char *path = getenv("FSYNC_LOG");
    char line[64];
    int log = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (log < 0) return;
    int length = snprintf(line, sizeof line, "%lu %ld\n", (unsigned long)file->st_ino, (long)file->st_size);
    if (write(log, line, length) != length) abort();
    close(log);
}

static int sync_slowly(long call, int fd) {
    struct stat file;
    int known = fstat(fd, &file) == 0; /* what is written from here on may or may not be on disk */
    if (access(getenv("FSYNC_SLOW"), F_OK) == 0) usleep(atoi(getenv("FSYNC_DELAY_MS")) * 1000);
    int result = (int)syscall(call, fd);
    if (known && result == 0) note(&file);
    return result;
}

int fsync(int fd) { return sync_slowly(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_slowly(SYS_fdatasync, fd); }
