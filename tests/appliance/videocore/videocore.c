/* videocore - an LD_PRELOAD library that gives the program it is loaded into the JPEG encoder of a Pi up to the 4:
 * /dev/video11 is bcm2835-codec's memory-to-memory encoder, /dev/video13 the ISP, as far as QUERYCAP.  No file of
 * that name need exist.  picamera2 finds them at import and then believes that it is on such a board.
 *
 * How it works
 *   - The descriptor handed to the program is an eventfd that is readable exactly while a coded buffer waits, so that
 *     select and epoll are honest about POLLIN.  poll and ppoll are interposed, for POLLOUT (a raw buffer was taken
 *     in) and for POLLERR, which is what a mem2mem device says while it has nothing to do.
 *   - Coded buffers live in a memfd; mmap() on the descriptor maps that.  Raw buffers are dma-bufs, mapped while the
 *     encoder has them.
 *   - One thread an open device (comm "videocore") codes with libturbojpeg.  As on the board a bitrate is asked for
 *     and no quality: the quality moves a little with each picture towards bitrate / rate of the pictures.  So a
 *     single picture can be larger than its buffer, and is cut there.
 *   - What the driver does (raspberrypi/linux, bcm2835-v4l2-codec.c): sizes are clamped to 32..1920 a side and not
 *     refused; the stride is a multiple of 64; a coded buffer has at least 512 KB, and 768 KB above 720p; the bitrate
 *     is clamped to 25 kbit/s..25 Mbit/s; a dma-buf that is too small is EINVAL.  Any other pixel format than YUV420
 *     in and MJPEG out is EINVAL here, and said: the board knows more of them.
 *
 * Environment: VIDEOCORE_CONTROL, a file that is read again with every picture:
 *     stall [N]    take buffers and return none until it says otherwise; STREAMOFF then takes N ms, each queue (the
 *                  driver waits 2000 for a board that is gone)
 *     slow N       N ms more a picture
 * VIDEOCORE_SIZEIMAGE: bytes of a coded buffer, for pictures that do not fit without needing large ones.
 * On stderr, a line at STREAMON and one at STREAMOFF: pictures, their mean size, how many were cut.
 *
 * Build: gcc -O2 -Wall -Wextra -fPIC -shared -o videocore.so videocore.c -ldl -lpthread -lm
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define MAXFD 4096
#define MAXBUF 32                   /* buffers a queue, as videobuf2 has it */
#define MAXPOLL 64                  /* descriptors of one poll() that may hold ours */
#define TAKE_MS 20                  /* how often the control file is read while stalled */
enum { RAW, CODED };                /* V4L2's OUTPUT and CAPTURE, whose names are easily taken for the other */
enum state { OUTSIDE, QUEUED, TAKEN, DONE };    /* the program's; the driver's: waiting, in work, to be fetched */

struct buffer {
    enum state state;
    uint32_t bytesused;
    struct timeval timestamp;
    uint8_t *map;                   /* RAW: the dma-buf, while it is the driver's */
    size_t length;
};

struct queue {
    struct v4l2_pix_format_mplane format;
    struct buffer buffer[MAXBUF];
    uint8_t fifo[MAXBUF];           /* the driver's buffers, oldest first: DONE ones, then TAKEN, then QUEUED */
    uint32_t count, held;           /* buffers; those of them that are the driver's */
    uint32_t done;                  /* those of them that wait to be fetched */
    int streaming;
    int event;                      /* eventfd, readable while done is not 0 */
};

struct device {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    int isp, working, stop, fd;
    struct queue queue[2];
    int memfd;
    uint8_t *coded;                 /* all coded buffers */
    uint32_t bitrate, sequence, cut;
    uint64_t bytes;
    double quality, period;         /* 1-100; seconds between two pictures */
    struct timeval last;
};

static struct device *devices[MAXFD];

#define REAL(name) ({ static __typeof__(&name) p_; \
    if (!p_) { p_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name); } p_; })
#define SAY(...) fprintf(stderr, "videocore: " __VA_ARGS__)

static int is_isp(const char *path) { return path && !strcmp(path, "/dev/video13"); }
static int is_dev(const char *path) { return is_isp(path) || (path && !strcmp(path, "/dev/video11")); }
static int fail(int e) { errno = e; return -1; }
static uint32_t clamp(uint32_t v, uint32_t least, uint32_t most) { return v < least ? least : v > most ? most : v; }
static uint32_t align(uint32_t v, uint32_t to) { return (v + to - 1) / to * to; }
static struct device *of(int fd)
{
    return fd >= 0 && fd < MAXFD ? __atomic_load_n(&devices[fd], __ATOMIC_ACQUIRE) : NULL;
}
static int is_raw(uint32_t type) { return type == V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE; }

/* ---------------------------------------------------------------- faults --- */

struct fault { int stalled, ms; };  /* ms: of STREAMOFF if stalled, else more for each picture */

static struct fault fault(void)
{
    struct fault f = {0};
    char text[64] = "";
    const char *path = getenv("VIDEOCORE_CONTROL");
    int fd = path ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return f;
    if (read(fd, text, sizeof text - 1) > 0) {
        f.stalled = !strncmp(text, "stall", 5);
        if (f.stalled || !strncmp(text, "slow", 4)) f.ms = atoi(text + (f.stalled ? 5 : 4));
    }
    REAL(close)(fd);
    return f;
}

static void wait_ms(struct device *d, int ms)   /* or until something changed; locked */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += ms * 1000000L;
    t.tv_sec += t.tv_nsec / 1000000000L, t.tv_nsec %= 1000000000L;
    if (ms < 0) pthread_cond_wait(&d->changed, &d->lock);
    else pthread_cond_timedwait(&d->changed, &d->lock, &t);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------- coding --- */

/* TurboJPEG 2.1, declared here so that cross-compiling needs no headers of the other machine. */
enum { TJSAMP_420 = 2 };
static struct {
    void *(*init)(void);
    int (*compress)(void *, const unsigned char **planes, int width, const int *strides, int height, int subsampling,
                    unsigned char **jpeg, unsigned long *size, int quality, int flags);
    char *(*error)(void *);
    void (*free)(unsigned char *);
    int (*destroy)(void *);
} turbo;

static int load_turbo(void)
{
    void *library = dlopen("libturbojpeg.so.0", RTLD_NOW);
    if (!library) { SAY("%s\n", dlerror()); return -1; }
    *(void **)&turbo.compress = dlsym(library, "tjCompressFromYUVPlanes");
    *(void **)&turbo.error = dlsym(library, "tjGetErrorStr2");
    *(void **)&turbo.free = dlsym(library, "tjFree");
    *(void **)&turbo.destroy = dlsym(library, "tjDestroy");
    *(void **)&turbo.init = dlsym(library, "tjInitCompress");
    return 0;
}

/* The next quality: 20 less halves a JPEG, about; a third of the way with each picture, and never a leap. */
static void adapt(struct device *d, struct timeval t, uint32_t size)
{
    double period = t.tv_sec - d->last.tv_sec + (t.tv_usec - d->last.tv_usec) / 1e6;
    if (d->sequence && period > 0 && period < 2) d->period += (period - d->period) / 8;
    d->last = t;
    double wanted = d->bitrate * d->period / 8;
    d->quality -= fmin(fmax(7 * log2(size / wanted), -6), 6);
    d->quality = fmin(fmax(d->quality, 2), 98);
}

static uint32_t code(struct device *d, void *coder, const struct buffer *raw, uint8_t *to)
{
    const struct v4l2_pix_format_mplane *f = &d->queue[RAW].format;
    int stride = f->plane_fmt[0].bytesperline, strides[3] = {stride, stride / 2, stride / 2};
    const unsigned char *planes[3] = {raw->map, raw->map + (size_t)stride * f->height};
    planes[2] = planes[1] + (size_t)stride / 2 * (f->height / 2);
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    if (turbo.compress(coder, planes, f->width, strides, f->height, TJSAMP_420, &jpeg, &size, (int)d->quality, 0)) {
        SAY("%s\n", turbo.error(coder));
        size = 0;
    }
    uint32_t most = d->queue[CODED].format.plane_fmt[0].sizeimage, used = size < most ? size : most;
    if (size) memcpy(to, jpeg, used);
    turbo.free(jpeg);
    d->cut += size > most;
    if (size) adapt(d, raw->timestamp, size);
    return used;
}

static size_t room(const struct queue *q) { return align(q->format.plane_fmt[0].sizeimage, 4096); }

/* The oldest of a queue's buffers that waits; -1 if there is none. */
static int oldest_queued(const struct queue *q)
{
    for (uint32_t i = 0; i < q->held; i++)
        if (q->buffer[q->fifo[i]].state == QUEUED) return q->fifo[i];
    return -1;
}

static void finish(struct queue *q, struct buffer *b)
{
    b->state = DONE;
    if (b->map) REAL(munmap)(b->map, b->length), b->map = NULL;
    if (!q->done++) eventfd_write(q->event, 1);
}

static void *work(void *arg)
{
    struct device *d = arg;
    void *coder = turbo.init();
    prctl(PR_SET_NAME, "videocore");
    pthread_mutex_lock(&d->lock);
    while (!d->stop) {
        struct queue *in = &d->queue[RAW], *out = &d->queue[CODED];
        int raw = oldest_queued(in), coded = oldest_queued(out);
        if (raw < 0 || coded < 0) { wait_ms(d, -1); continue; }
        struct fault f = fault();
        if (f.stalled) { wait_ms(d, TAKE_MS); continue; }
        double until = seconds() + f.ms / 1e3;
        in->buffer[raw].state = out->buffer[coded].state = TAKEN;
        while (!d->stop && seconds() < until) wait_ms(d, (int)((until - seconds()) * 1e3) + 1);
        pthread_mutex_unlock(&d->lock);         /* STREAMOFF and close wait for us before they touch a buffer */
        uint32_t used = code(d, coder, &in->buffer[raw], d->coded + coded * room(out));
        pthread_mutex_lock(&d->lock);
        out->buffer[coded].bytesused = used;
        out->buffer[coded].timestamp = in->buffer[raw].timestamp;
        d->bytes += used, d->sequence++;
        finish(in, &in->buffer[raw]);
        finish(out, &out->buffer[coded]);
        pthread_cond_broadcast(&d->changed);
    }
    pthread_mutex_unlock(&d->lock);
    turbo.destroy(coder);
    return NULL;
}

/* ---------------------------------------------------------------- ioctls --- */

static int start_work(struct device *d)
{
    if (d->working || !d->queue[RAW].streaming || !d->queue[CODED].streaming) return 0;
    struct v4l2_pix_format_mplane *f = &d->queue[RAW].format;
    d->stop = 0, d->sequence = d->cut = 0, d->bytes = 0, d->quality = 75, d->period = 1 / 30.0;
    if (pthread_create(&d->thread, NULL, work, d)) return fail(ENOMEM);
    d->working = 1;
    SAY("on, %ux%u (stride %u), %.2f Mbit/s, buffers of %u bytes\n", f->width, f->height, f->plane_fmt[0].bytesperline,
        d->bitrate / 1e6, d->queue[CODED].format.plane_fmt[0].sizeimage);
    return 0;
}

static void stream_off(struct device *d, int which)     /* locked; every buffer is the program's again */
{
    struct queue *q = &d->queue[which];
    struct fault f = fault();
    if (d->working) {
        d->stop = 1, d->working = 0;
        pthread_cond_broadcast(&d->changed);
        pthread_mutex_unlock(&d->lock);
        pthread_join(d->thread, NULL);
        pthread_mutex_lock(&d->lock);
        SAY("off, %u pictures, %.0f bytes in the mean, %u cut\n", d->sequence,
            d->sequence ? (double)d->bytes / d->sequence : 0.0, d->cut);
    }
    if (q->streaming && f.stalled && f.ms) usleep(f.ms * 1000);
    for (uint32_t i = 0; i < q->count; i++) {
        struct buffer *b = &q->buffer[i];
        if (b->map) REAL(munmap)(b->map, b->length);
        *b = (struct buffer){0};
    }
    eventfd_t drained;
    if (q->done) eventfd_read(q->event, &drained);
    q->streaming = q->held = q->done = 0;
    pthread_cond_broadcast(&d->changed);                /* whoever waits in DQBUF */
}

static int request_buffers(struct device *d, struct v4l2_requestbuffers *r)
{
    int which = is_raw(r->type) ? RAW : CODED;
    struct queue *q = &d->queue[which];
    if (which == CODED && r->type != V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) return fail(EINVAL);
    if (r->memory != (which == RAW ? V4L2_MEMORY_DMABUF : V4L2_MEMORY_MMAP)) return fail(EINVAL);
    stream_off(d, which);
    if (which == CODED && q->count) {
        REAL(munmap)(d->coded, q->count * room(q));
        REAL(close)(d->memfd);
        d->coded = NULL, d->memfd = -1;
    }
    q->count = 0;
    r->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP | V4L2_BUF_CAP_SUPPORTS_DMABUF;
    if (!r->count) return 0;
    r->count = clamp(r->count, 1, MAXBUF);
    if (which == CODED) {
        size_t size = r->count * room(q);
        d->memfd = memfd_create("videocore", MFD_CLOEXEC);
        void *map = d->memfd < 0 || ftruncate(d->memfd, size) ? MAP_FAILED
            : REAL(mmap)(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, d->memfd, 0);
        if (map == MAP_FAILED) { if (d->memfd >= 0) REAL(close)(d->memfd); d->memfd = -1; return fail(ENOMEM); }
        d->coded = map;
    }
    q->count = r->count;
    return 0;
}

static int set_format(struct device *d, struct v4l2_format *f)
{
    int which = is_raw(f->type) ? RAW : CODED;
    struct v4l2_pix_format_mplane *p = &f->fmt.pix_mp;
    struct v4l2_plane_pix_format *plane = &p->plane_fmt[0];
    if (d->queue[which].count) return fail(EBUSY);
    if (p->pixelformat != (which == RAW ? V4L2_PIX_FMT_YUV420 : V4L2_PIX_FMT_MJPEG)) {
        SAY("%.4s is not coded here: only YUV420 to MJPEG\n", (char *)&p->pixelformat);
        return fail(EINVAL);
    }
    p->width = clamp(p->width, 32, 1920), p->height = clamp(p->height, 32, 1920);
    p->field = V4L2_FIELD_NONE, p->num_planes = 1;
    if (which == RAW) {
        plane->bytesperline = align(plane->bytesperline > p->width ? plane->bytesperline : p->width, 64);
        plane->sizeimage = plane->bytesperline * p->height * 3 / 2;
    } else {
        const char *set = getenv("VIDEOCORE_SIZEIMAGE");
        uint32_t least = (p->width * p->height > 1280 * 720 ? 768 : 512) << 10;
        plane->bytesperline = 0;
        if (plane->sizeimage < least) plane->sizeimage = least;
        if (set && atoi(set) > 0) plane->sizeimage = atoi(set);
    }
    d->queue[which].format = *p;
    return 0;
}

static int queue_buffer(struct device *d, struct v4l2_buffer *v)
{
    int which = is_raw(v->type) ? RAW : CODED;
    struct queue *q = &d->queue[which];
    if (v->index >= q->count || !v->length || q->buffer[v->index].state != OUTSIDE) return fail(EINVAL);
    struct buffer *b = &q->buffer[v->index];
    if (which == RAW) {
        int fd = v->m.planes[0].m.fd;
        off_t size = lseek(fd, 0, SEEK_END);    /* a dma-buf answers that with its size */
        if (v->memory != V4L2_MEMORY_DMABUF || size < (off_t)q->format.plane_fmt[0].sizeimage) return fail(EINVAL);
        b->length = q->format.plane_fmt[0].sizeimage;
        b->map = REAL(mmap)(NULL, b->length, PROT_READ, MAP_SHARED, fd, 0);
        if (b->map == MAP_FAILED) { b->map = NULL; return fail(EINVAL); }
        b->timestamp = v->timestamp;
    } else if (v->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
    b->state = QUEUED;
    q->fifo[q->held++] = v->index;
    v->flags = V4L2_BUF_FLAG_TIMESTAMP_COPY | V4L2_BUF_FLAG_QUEUED;
    pthread_cond_broadcast(&d->changed);
    return 0;
}

static int fetch_buffer(struct device *d, struct v4l2_buffer *v)
{
    int which = is_raw(v->type) ? RAW : CODED;
    struct queue *q = &d->queue[which];
    while (q->streaming && !q->done) {
        if (fcntl(d->fd, F_GETFL) & O_NONBLOCK) return fail(EAGAIN);
        wait_ms(d, -1);
    }
    if (!q->streaming || !v->length) return fail(EINVAL);
    struct buffer *b = &q->buffer[v->index = q->fifo[0]];
    memmove(q->fifo, q->fifo + 1, --q->held);
    eventfd_t drained;
    if (!--q->done) eventfd_read(q->event, &drained);
    b->state = OUTSIDE;
    v->timestamp = b->timestamp, v->field = V4L2_FIELD_NONE, v->sequence = d->sequence;
    v->flags = V4L2_BUF_FLAG_TIMESTAMP_COPY | (which == CODED ? V4L2_BUF_FLAG_KEYFRAME : 0);
    v->m.planes[0].bytesused = b->bytesused;
    v->m.planes[0].length = q->format.plane_fmt[0].sizeimage;
    return 0;
}

static int query_buffer(struct device *d, struct v4l2_buffer *v)
{
    const struct queue *q = &d->queue[CODED];
    if (v->type != V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE || v->index >= q->count || !v->length) return fail(EINVAL);
    v->memory = V4L2_MEMORY_MMAP, v->length = 1, v->flags = V4L2_BUF_FLAG_TIMESTAMP_COPY;
    v->m.planes[0].length = q->format.plane_fmt[0].sizeimage;
    v->m.planes[0].m.mem_offset = v->index * room(q);
    return 0;
}

static int capability(struct device *d, struct v4l2_capability *c)
{
    memset(c, 0, sizeof *c);
    strcpy((char *)c->driver, d->isp ? "bcm2835-isp" : "bcm2835-codec");
    strcpy((char *)c->card, d->isp ? "bcm2835-isp" : "bcm2835-codec-encode");
    strcpy((char *)c->bus_info, d->isp ? "platform:bcm2835-isp" : "platform:bcm2835-codec");
    c->version = 6 << 16 | 12 << 8;
    c->device_caps = d->isp ? V4L2_CAP_VIDEO_OUTPUT : V4L2_CAP_VIDEO_M2M_MPLANE;
    c->device_caps |= V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT;
    c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
    return 0;
}

static int answer(struct device *d, uint32_t request, void *arg)
{
    if (request == VIDIOC_QUERYCAP) return capability(d, arg);
    if (d->isp) return fail(ENOTTY);
    int which = is_raw(*(uint32_t *)arg) ? RAW : CODED;     /* of those whose argument begins with it */
    switch (request) {
    case VIDIOC_S_CTRL: {
        struct v4l2_control *c = arg;
        if (c->id == V4L2_CID_MPEG_VIDEO_BITRATE) c->value = d->bitrate = clamp(c->value, 25000, 25000000);
        else if (c->id != V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME) return fail(EINVAL);
        return 0; }
    case VIDIOC_S_EXT_CTRLS: case VIDIOC_S_PARM:        /* H.264's own; the rate is seen from the pictures' times */
        return 0;
    case VIDIOC_G_FMT:
        ((struct v4l2_format *)arg)->fmt.pix_mp = d->queue[which].format;
        return 0;
    case VIDIOC_S_FMT: return set_format(d, arg);
    case VIDIOC_REQBUFS: return request_buffers(d, arg);
    case VIDIOC_QUERYBUF: return query_buffer(d, arg);
    case VIDIOC_QBUF: return queue_buffer(d, arg);
    case VIDIOC_DQBUF: return fetch_buffer(d, arg);
    case VIDIOC_STREAMON:
        if (!d->queue[which].count) return fail(EINVAL);
        d->queue[which].streaming = 1;
        return start_work(d);
    case VIDIOC_STREAMOFF: stream_off(d, which); return 0;
    default: return fail(ENOTTY);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    struct device *d = of(fd);
    if (!d) return REAL(ioctl)(fd, request, arg);
    pthread_mutex_lock(&d->lock);
    int rc = answer(d, (uint32_t)request, arg);
    pthread_mutex_unlock(&d->lock);
    return rc;
}

/* ------------------------------------------------------------------ poll --- */

static int idle(struct device *d)       /* nothing is queued that could ever be done: mem2mem calls that an error */
{
    pthread_mutex_lock(&d->lock);
    int busy = 0;
    for (int i = 0; i < 2; i++) busy |= d->queue[i].streaming && d->queue[i].held;
    pthread_mutex_unlock(&d->lock);
    return !busy;
}

/* Our descriptors become one for each direction that is asked for, and the kernel waits for them with the others. */
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    struct pollfd real[2 * MAXPOLL];
    struct timespec none = {0, 0};
    nfds_t ours = 0;
    for (nfds_t i = 0; i < n; i++) ours += of(fds[i].fd) != NULL;
    if (!ours || n > MAXPOLL) return REAL(ppoll)(fds, n, timeout, mask);
    for (nfds_t i = 0; i < n; i++) {
        struct device *d = of(fds[i].fd);
        real[i] = fds[i], real[n + i] = (struct pollfd){.fd = -1};
        fds[i].revents = 0;
        if (!d) continue;
        real[i].events &= POLLIN | POLLRDNORM;
        if (fds[i].events & (POLLOUT | POLLWRNORM))
            real[n + i] = (struct pollfd){.fd = d->queue[RAW].event, .events = POLLIN};
        if (idle(d)) fds[i].revents = POLLERR, timeout = &none;
    }
    int rc = REAL(ppoll)(real, 2 * n, timeout, mask);
    if (rc < 0) return rc;
    rc = 0;
    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents |= real[i].revents;
        if (real[n + i].revents & POLLIN) fds[i].revents |= fds[i].events & (POLLOUT | POLLWRNORM);
        rc += fds[i].revents != 0;
    }
    return rc;
}

int poll(struct pollfd *fds, nfds_t n, int ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    return ppoll(fds, n, ms < 0 ? NULL : &t, NULL);
}
int __poll_chk(struct pollfd *f, nfds_t n, int ms, size_t len) { (void)len; return poll(f, n, ms); }
int __ppoll_chk(struct pollfd *f, nfds_t n, const struct timespec *t, const sigset_t *m, size_t len)
{
    (void)len;
    return ppoll(f, n, t, m);
}

/* ----------------------------------------------- open, close, mmap, stat --- */

static int open_dev(const char *path, int flags)
{
    struct device *d = calloc(1, sizeof *d);
    pthread_condattr_t monotonic;
    if (!d || load_turbo()) { free(d); return fail(ENODEV); }
    d->fd = eventfd(0, EFD_CLOEXEC);        /* blocking: O_NONBLOCK is the program's to set, and DQBUF asks for it */
    d->queue[CODED].event = d->fd, d->queue[RAW].event = eventfd(0, EFD_CLOEXEC);
    if (d->fd < 0 || d->queue[RAW].event < 0 || d->fd >= MAXFD) {
        if (d->fd >= 0) REAL(close)(d->fd);
        free(d);
        return fail(EMFILE);
    }
    if (flags & O_NONBLOCK) fcntl(d->fd, F_SETFL, O_NONBLOCK);
    pthread_mutex_init(&d->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->changed, &monotonic);
    d->isp = is_isp(path), d->memfd = -1, d->bitrate = 10000000;
    __atomic_store_n(&devices[d->fd], d, __ATOMIC_RELEASE);
    return d->fd;
}

int close(int fd)
{
    struct device *d = of(fd);
    if (!d) return REAL(close)(fd);
    __atomic_store_n(&devices[fd], NULL, __ATOMIC_RELEASE);
    pthread_mutex_lock(&d->lock);
    struct v4l2_requestbuffers none = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, .memory = V4L2_MEMORY_DMABUF};
    request_buffers(d, &none);
    none.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, none.memory = V4L2_MEMORY_MMAP;
    request_buffers(d, &none);
    pthread_mutex_unlock(&d->lock);
    REAL(close)(d->queue[RAW].event);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    free(d);
    return REAL(close)(fd);
}

#define MODE(last) ({ va_list ap_; va_start(ap_, last); mode_t m_ = \
    (last) & (O_CREAT | __O_TMPFILE) ? va_arg(ap_, mode_t) : 0; va_end(ap_); m_; })

int open(const char *p, int fl, ...)   { mode_t m = MODE(fl); return is_dev(p) ? open_dev(p, fl) : REAL(open)(p, fl, m); }
int open64(const char *p, int fl, ...) { mode_t m = MODE(fl); return is_dev(p) ? open_dev(p, fl) : REAL(open64)(p, fl, m); }
int openat(int d, const char *p, int fl, ...)   { mode_t m = MODE(fl); return is_dev(p) ? open_dev(p, fl) : REAL(openat)(d, p, fl, m); }
int openat64(int d, const char *p, int fl, ...) { mode_t m = MODE(fl); return is_dev(p) ? open_dev(p, fl) : REAL(openat64)(d, p, fl, m); }

void *mmap(void *a, size_t n, int prot, int flags, int fd, off_t off)
{
    struct device *d = of(fd);
    return REAL(mmap)(a, n, prot, flags, d ? d->memfd : fd, off);
}
void *mmap64(void *a, size_t n, int prot, int flags, int fd, off64_t off) { return mmap(a, n, prot, flags, fd, off); }

int access(const char *p, int m) { return is_dev(p) ? 0 : REAL(access)(p, m); }
int faccessat(int d, const char *p, int m, int f) { return is_dev(p) ? 0 : REAL(faccessat)(d, p, m, f); }

static int fake_stat(struct stat *st)
{
    *st = (struct stat){.st_mode = S_IFCHR | 0660, .st_rdev = makedev(81, 11), .st_nlink = 1};
    return 0;
}
#define FAKE(st) fake_stat((struct stat *)(st))     /* x86_64/aarch64: stat == stat64 */
int stat(const char *restrict p, struct stat *restrict s)      { return is_dev(p) ? FAKE(s) : REAL(stat)(p, s); }
int stat64(const char *restrict p, struct stat64 *restrict s)  { return is_dev(p) ? FAKE(s) : REAL(stat64)(p, s); }
int fstatat(int d, const char *restrict p, struct stat *restrict s, int f) { return is_dev(p) ? FAKE(s) : REAL(fstatat)(d, p, s, f); }
int fstatat64(int d, const char *restrict p, struct stat64 *restrict s, int f) { return is_dev(p) ? FAKE(s) : REAL(fstatat64)(d, p, s, f); }
/* entry points of programs built against glibc < 2.33 */
int __xstat(int v, const char *p, struct stat *s)     { (void)v; return stat(p, s); }
int __xstat64(int v, const char *p, struct stat64 *s) { (void)v; return stat64(p, s); }
int statx(int d, const char *restrict p, int f, unsigned int m, struct statx *restrict s)
{
    if (!is_dev(p)) return REAL(statx)(d, p, f, m, s);
    *s = (struct statx){.stx_mask = STATX_TYPE | STATX_MODE, .stx_mode = S_IFCHR | 0660, .stx_rdev_major = 81};
    return 0;
}
