"""A dictionary from the words of other tools and of papers, for steps and arguments, to what a spec says instead.

The tools are PyTorch, Keras, TensorFlow, JAX, Caffe and darknet. Words are compared without regard to capitals and
underscores: `Conv2d`, `conv_2d` and `CONV2D` are one word. This module imports no other of archdsl.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Meaning(NamedTuple):
    """What to write in a spec. `code` works as it is, or is empty if the language lacks the thing; `note` says why."""

    code: str
    note: str = ""

    def __str__(self) -> str:
        if not self.code:
            return self.note
        return f"write `{self.code}`{f': {self.note}' if self.note else ''}"


def folded(word: str) -> str:
    """The word by which a name is looked up: `nn.Conv2d` is `conv2d`.

    >>> folded("nn.Conv2d"), folded("batch_norm"), folded("--batch-norm")
    ('conv2d', 'batchnorm', 'batchnorm')
    """
    return word.rpartition(".")[2].replace("_", "").replace("-", "").lower()


NOT_WRITTEN = "how many channels flow in is not written"
NO_LOOP = "`lstm` and `gru` read a whole sequence: the language has no loop over positions"
PROJECTED = "three values flow into `attend`: queries, keys and values, projected by steps of their own"
NO_NORM = "the language has no such normalization: `archdsl ops` lists those that it has"
NO_ACTIVATION = "the language has no such activation: `archdsl ops` lists those that it has"
GATED = "a gated layer of 256 hidden features, where 64 flow in and out"
NO_POINTS = (
    "the language has no sets of points: sampling and grouping them needs ops of its own (`docs/adding_an_op.md`)"
)
NO_POOL = "the language has no such pooling: `archdsl ops` lists those that it has"
NO_MOVE = "the language moves no dimensions, channels come first: `flatten`, `tokens` and `reshape` keep the order"
NO_DETECTION = "the language has no detection layers: let the spec end with the convolution before this"
TRAINING = "a spec describes the network; what belongs to training (losses, metrics, optimizers) is your own code"
ORDER = "write one step a line, or `->` between steps: no container is needed"

_STEPS: tuple[tuple[str, str, str], ...] = (
    # convolutions
    ("conv(64, 3)", f"64 channels come out of a 3x3 window; {NOT_WRITTEN}", "conv1d conv2d convolution convolution1d "
     "convolution2d convolutional convolutionlayer convlayer conv2dlayer spatialconvolution lazyconv1d lazyconv2d "
     "convnd cnn samepadconv2d conv2dsame"),
    ("conv(64, 3)", "`conv` takes clips too, channels x frames x height x width",
     "conv3d convolution3d conv3dlayer volumetricconvolution lazyconv3d conv3x3x3"),
    ("conv(64, 1)", NOT_WRITTEN, "conv1x1 pointwise pointwiseconv pointwiseconv2d pwconv pwconv2d conv1by1 projection "
     "proj convpw"),
    ("conv(64, 3)", NOT_WRITTEN, "conv3x3 conv3by3"),
    ("conv(64, 5)", NOT_WRITTEN, "conv5x5"),
    ("conv(64, 7)", NOT_WRITTEN, "conv7x7"),
    ("conv(64, 3, dilation=2)", "", "atrousconv atrousconv2d atrousconvolution dilatedconv dilatedconv2d "
     "dilatedconvolution"),
    ("conv(64, 3, groups=8)", "", "groupconv groupedconv groupedconv2d groupedconvolution groupconvolution gconv"),
    ("conv(64, 3) -> bn -> relu", "or make a block of these steps", "convbn convbnrelu convbnact convbnactivation "
     "basicconv basicconv2d conv2dbn conv2dnormactivation convnormact convnormactivation convmodule cbr cbl cbs "
     "convrelu convblock conv2dblock"),
    ("depthwise(3)", "every channel has a kernel of its own", "depthwiseconv depthwiseconv2d depthwiseconv1d "
     "depthwiseconvolution dwconv dwconv2d dconv convdw channelwiseconv"),
    ("depthwise(3) -> conv(64, 1)", "", "separableconv separableconv1d separableconv2d separableconvolution sepconv "
     "sepconv2d depthwiseseparableconv depthwiseseparable dsconv separableconvbnact"),
    ("up_conv(64, 2, stride=2)", "", "convtranspose convtranspose1d convtranspose2d conv1dtranspose conv2dtranspose "
     "transposedconv transposedconv2d transposedconvolution transposeconv convolutiontranspose deconv deconv2d "
     "deconvolution deconvolutional fractionallystridedconv spatialfullconvolution convtransposed convtranspose3d "
     "conv3dtranspose transposedconv3d deconv3d volumetricfullconvolution"),
    ("", "the language has no deformable, dynamic or local convolutions", "deformconv deformconv2d deformableconv "
     "dynamicconv condconv locallyconnected locallyconnected1d locallyconnected2d lambdaconv involution"),
    # linear
    ("linear(10)", "how many features flow in is not written", "dense denselayer fc fullyconnected fullyconnectedlayer "
     "innerproduct ip lazylinear affine connected fclayer linearlayer"),
    ("linear(64) -> relu -> linear(64)", "", "mlp feedforward ffn multilayerperceptron"),
    ("", "the language has no layer that takes two vectors", "bilinearlayer bilinear"),
    # recurrent
    ("lstm(128)", "128 numbers are remembered; what they are at every position is given", "longshorttermmemory "
     "lstmlayer cudnnlstm"),
    ("gru(128)", "128 numbers are remembered; what they are at every position is given", "gatedrecurrentunit grulayer "
     "cudnngru"),
    ("lstm(128)", "the language has `lstm` and `gru`, which remember longer than a plain recurrent layer", "rnn "
     "simplernn recurrent vanillarnn elmanrnn"),
    ("lstm(128, bidirectional=true)", "both directions are joined: 256 channels come out", "bilstm"),
    ("", "it is an argument of the layer: `lstm(64, bidirectional=true)`", "bidirectional"),
    ("gru(128, bidirectional=true)", "both directions are joined: 256 channels come out", "bigru"),
    ("linear(64)", "it acts at every position of channels x length", "timedistributed"),
    # normalization
    ("bn", "how many channels flow in is not written", "batchnorm batchnorm1d batchnorm2d batchnorm3d "
     "batchnormalization batchnormalisation spatialbatchnorm spatialbatchnormalization syncbatchnorm syncbn "
     "lazybatchnorm2d frozenbatchnorm frozenbatchnorm2d frozenbn fusedbatchnorm bn1d bn2d bn3d batchnormact2d normact "
     "norm normalization norm2d"),
    ("layer_norm", "", "ln layernorm2d layernormalization layernormalisation"),
    ("group_norm(8)", "8 groups of channels", "gn groupnormalization groupnormalisation"),
    ("instance_norm", "", "instancenorm1d instancenorm2d instancenorm3d instancenormalization instancenormalisation"),
    ("lrn(5)", "5 channels are looked at", "localresponsenorm localresponsenormalization localresponsenormalisation "
     "responsenorm responsenormalization crossmaplrn crossmaplrn2d spatialcrossmaplrn localnorm"),
    ("rms_norm", "", "rmsnormalization rootmeansquarenorm t5layernorm llamarmsnorm"),
    ("", NO_NORM, "weightnorm spectralnorm l2norm normalize l2normalize filterresponsenorm frn evonorm "
     "weightstandardization switchablenorm"),
    # activations
    ("relu", "", "rectifier rectifiedlinear rectifiedlinearunit thresholdedrelu relu1"),
    ("relu6", "", "clippedrelu cappedrelu"),
    ("leaky_relu(0.1)", "", "lrelu leaky leakyrectify"),
    ("prelu", "", "parametricrelu"),
    ("hard_swish", "", "hswish"),
    ("hard_sigmoid", "", "hsigmoid"),
    ("silu", "", "swish swishactivation memoryefficientswish swishme sigmoidlinearunit"),
    ("sigmoid", "", "logistic logisticactivation logsig sigmoidactivation"),
    ("gelu", "", "quickgelu gaussianerrorlinearunit geluact"),
    ("elu", "", "exponentiallinearunit"),
    ("softmax", "", "softmaxlayer softmax2d softmaxactivation spatialsoftmax"),
    ("tanh", "", "hyperbolictangent tanhactivation"),
    ("mul{linear(256) -> silu | linear(256)} -> linear(64)", GATED, "swiglu swiglumlp swigluffn llamamlp"),
    ("mul{linear(256) -> gelu | linear(256)} -> linear(64)", GATED, "geglu gegelu gatedgelu gemmamlp"),
    ("mul{linear(256) -> relu | linear(256)} -> linear(64)", GATED, "reglu"),
    ("mul{channel_slice(0, 32) | channel_slice(32, 64) -> sigmoid}", "the first half of the channels, here of 64, "
     "gated by the second", "glu gatedlinearunit"),
    ("", NO_ACTIVATION, "selu celu softplus softsign maxout hardtanh rrelu crelu "
     "softshrink hardshrink logsigmoid hardmish squareplus"),
    ("relu", "an activation is a step of its own", "activation act nonlinearity activationlayer"),
    # pooling
    ("max_pool(2)", "", "maxpool1d maxpool2d maxpooling maxpooling1d maxpooling2d maxpoolinglayer spatialmaxpooling "
     "maxpoollayer mp pool pooling pool2d pool2dlayer subsampling downsample downsampling "
     "maxpool3d maxpooling3d pool3d volumetricmaxpooling"),
    ("avg_pool(2)", "", "avgpool1d avgpool2d averagepool averagepooling averagepooling1d averagepooling2d meanpool "
     "meanpooling spatialaveragepooling blurpool avgpool3d averagepooling3d volumetricaveragepooling"),
    ("global_avg_pool -> flatten", "a vector comes out", "gap globalaveragepool globalaveragepooling "
     "globalaveragepooling1d globalaveragepooling2d globalavgpool1d globalavgpool2d globalpool globalpooling "
     "spatialmean avgpoolglobal reducemean globalavg selectadaptivepool2d globalaveragepooling3d globalavgpool3d"),
    ("global_max_pool -> flatten", "a vector comes out", "gmp globalmaxpooling globalmaxpooling1d "
     "globalmaxpooling2d globalmaxpool2d globalmaxpooling3d globalmaxpool3d reducemax"),
    ("adaptive_avg_pool(7)", "", "adaptiveavgpool1d adaptiveavgpool2d adaptiveavgpool3d adaptiveaveragepool "
     "adaptiveaveragepool2d adaptivepool adaptivepooling"),
    ("adaptive_max_pool(7)", "", "adaptivemaxpool1d adaptivemaxpool2d adaptivemaxpool3d"),
    ("", NO_POOL, "roipool roialign psroipool spp spatialpyramidpooling sppf maxunpool maxunpool2d maxunpooling unpool "
     "unpooling gempool gem"),
    # joins
    ("add{it | conv(it.channels, 3)}", "a join lists its branches; `it` is what flows in", "sum plus eltwise "
     "elementwise elementwiseadd eltwiseadd eltwisesum addn addv2 tfadd addlayer caddtable"),
    ("add{it | conv(it.channels, 3)}", "a residual connection is the sum of `it` and a branch", "residual skip "
     "shortcut skipconnection skipconnect skipadd identityshortcut residualblock resblock residualconnection "
     "shortcutlayer"),
    ("concat{it | conv(64, 3)}", "a join lists its branches; `it` is what flows in", "concatenate cat concatenation "
     "concatlayer concatv2 depthconcat filterconcat densecat merge mergelayer route join jointable concattable"),
    ("mul{it | sigmoid}", "a join lists its branches; `it` is what flows in", "multiply prod product times hadamard "
     "gate multiplylayer elementwisemul eltwisemul eltwiseprod cmultable"),
    ("mean{it | conv(it.channels, 3)}", "a join lists its branches; `it` is what flows in", "average averagelayer"),
    ("maximum{it | conv(it.channels, 3)}", "a join lists its branches; `it` is what flows in", "eltwisemax "
     "maximumlayer cmaxtable"),
    ("sub{it | conv(it.channels, 3)}", "a join lists its branches; the first is what the others are taken from",
     "subtract subtraction minus difference subtractlayer eltwisesub elementwisesub csubtable"),
    ("", "values are not divided here: `scale(0.5)` halves, and a quotient of two values needs an op of its own",
     "div divide division truediv"),
    ("", "the language has no matrix product of two values: `attend` makes those of attention, and `linear` one with "
     "learned weights", "matmul dot bmm einsum mm tensordot matmullayer"),
    # reshaping
    ("flatten", "a vector comes out; `tokens` gives channels x length, and `reshape(16 x 2 x 2)` any shape",
     "flattenlayer view ravel squeeze tovector vectorize"),
    ("reshape(16 x 2 x 2)", "the new shape, channels first and without the batch", "unflatten reshapelayer viewas "
     "reshapeas"),
    ("tokens", "channels x height x width become channels x length", "patches maptosequence img2seq flattenspatial "
     "sequence"),
    ("token(0)", "the first of channels x length; `token(-1)` is the last", "clstoken classtoken select lasttoken "
     "taketoken laststep"),
    ("", "leave it out: `add`, `sub` and `mul` take a vector beside a map, the same at every position; else write "
     "`reshape(64 x 1 x 1)`", "unsqueeze expanddims expand broadcastto newaxis tile"),
    ("exp", "", "exponential"),
    ("abs", "", "absolute fabs absval"),
    ("", "dimensions are not moved: ops work on the channels of each position, and `linear(24, over=positions)` on the "
     "positions of each channel", "permute transpose swapaxes moveaxis transposelayer permutelayer"),
    ("", NO_MOVE, "rearrange einops repeatvector contiguous flip roll rot90"),
    ("pad(1)", "", "zeropad zeropad1d zeropad2d zeropad3d zeropadding zeropadding1d zeropadding2d zeropadding3d "
     "padlayer padding constantpad2d constantpad3d spatialzeropadding"),
    ("pad(1, mode=reflect)", "", "reflectionpad reflectionpad1d reflectionpad2d reflectionpad3d reflectpad "
     "mirrorpad spatialreflectionpadding"),
    ("pad(1, mode=replicate)", "", "replicationpad replicationpad1d replicationpad2d replicationpad3d "
     "replicatepad edgepad"),
    ("center_crop(8)", "", "cropping cropping1d cropping2d cropping3d centercropping cropcenter"),
    ("upsample(2)", "", "upsampling upsampling1d upsampling2d upsampling3d upsamplenearest upsamplingnearest "
     "upsamplingnearest2d nearestupsample upscale unpoolnearest upsamplelayer"),
    ("upsample(2, mode=bilinear)", "", "upsamplingbilinear upsamplingbilinear2d bilinearupsample bilinearupsampling "
     "upsamplebilinear"),
    ("resize(16)", "to 16x16 pixels", "interpolate interpolation interp resizebilinear resizenearest imresize "
     "resizeimages resizelayer resizing bilinearinterpolation"),
    ("pixel_shuffle(2)", "", "depthtospace subpixel subpixelconv subpixelupsampling"),
    ("space_to_depth(2)", "", "pixelunshuffle reorg reorglayer spacetodepthlayer"),
    ("space_to_depth(2, order=columns)", "", "focus patchmerging"),
    ("linear(3 * it.channels, over=channels) -> split(3) -> attend(8, windows=8)", PROJECTED, "windowattention "
     "shiftedwindowattention windowpartition localattention"),
    ("channel_shuffle(2)", "", "shufflechannel shufflechannels shuffle channelshufflelayer"),
    ("split(2) as (left, right)", "both parts have a name", "chunk tensorsplit splitlayer unstack unbind"),
    ("channel_slice(0, 8)", "", "slice slicelayer narrow slicechannels channelslicelayer getitem"),
    ("identity", "", "noop nop passthrough linearactivation identitylayer"),
    # regularization
    ("dropout(0.5)", "", "dropoutlayer alphadropout gaussiandropout dropoutnd"),
    ("channel_dropout(0.5)", "", "dropout2d dropout1d dropout3d spatialdropout spatialdropout1d spatialdropout2d "
     "spatialdropout3d featuredropout"),
    ("drop_path(0.2)", "", "stochasticdepth droppathlayer dropconnect"),
    ("", "the language has no such regularization: `dropout`, `channel_dropout` and `drop_path` are what it has",
     "dropblock dropblock2d shakeshake shakedrop cutout gaussiannoise noise zoneout"),
    # input and embedding
    ("embedding(1000, 64)", "1000 words, 64 numbers each", "embed embeddinglayer wordembedding tokenembedding "
     "lookuptable embeddingbag lookup"),
    # blocks of the library
    ("", "the library has it as a block: `from blocks.squeeze_excite import SqueezeExcite`, then `SqueezeExcite(16)`",
     "se selayer seblock seunit semodule squeezeexcitation squeezeandexcitation sqex squeezeexcite "
     "channelattention semod"),
    ("", "the library has it as a block: `from blocks.mobile import InvertedResidual`, then `InvertedResidual(24)`",
     "invertedresidual invertedresidualblock invertedbottleneck irblock bottleneckv2"),
    ("", "the library has it as a block: `from blocks.mobile import MBConv`, then `MBConv(24, 3)`",
     "mbconv mbconvblock mbconv6 mbconv1"),
    ("", "the library has it as a block: `from blocks.residual import Bottleneck`, then `Bottleneck(64)`",
     "bottleneck bottleneckblock bottleneckunit resbottleneck"),
    ("", "the library has it as a block: `from blocks.residual import Basic`, then `Basic(64)`",
     "basicblock basicunit resnetblock"),
    ("", "the library has it as a block: `from blocks.dense import DenseLayer`, then `DenseLayer(32)`",
     "denseblock denseunit"),
    # no step
    ("", NO_LOOP, "lstmcell grucell rnncell convlstm convlstm2d"),
    ("linear(3 * it.channels) -> split(3) -> attend(8) -> linear(it.channels)", PROJECTED, "attention mha msa sdpa "
     "attn multiheadattention selfattention multiheadselfattention causalselfattention scaleddotproductattention "
     "dotproductattention multiheadattentionlayer"),
    ("", "queries come from one value, keys and values from another: `(queries, keys, values) -> attend(8)`",
     "crossattention encoderdecoderattention"),
    ("conv(768, 16, stride=16)", "a patch of 16x16 pixels becomes one position of 768 channels", "patchembed "
     "patchembedding patchify"),
    ("positions -> embedding(512, it.channels)", "learned vectors for positions 0 to 511, to be added to those of the "
     "words", "positionalembedding positionembedding learnedpositionalembedding posembed wpe"),
    ("positions -> sinusoid(it.channels)", "sines and cosines, to be added to the vectors of the words",
     "positionalencoding sinusoidalembedding sinusoidalpositionalencoding sinusoidalpositionembedding "
     "timestepembedding timeembedding"),
    ("bucket_bias(8)", "for the positions of a sequence, by buckets of distances: the value is the `bias` of `attend`",
     "relativeattentionbias t5relativepositionbias"),
    ("offset_bias(8)", "for the positions of a map, by their offsets: the value is the `bias` of `attend`",
     "relativepositionbias relposbias"),
    ("rotary(8)", "on queries and on keys, with as many heads as they have", "rope rotaryembedding "
     "rotarypositionembedding rotarypositionalembedding applyrotaryposemb"),
    ("", "the language has `attend` for attention and no encoder or decoder: make a block of it, with `layer_norm`, "
     "`linear` and `add{it | ...}`", "transformer transformerencoder transformerencoderlayer transformerdecoder "
     "transformerdecoderlayer transformerblock encoderlayer decoderlayer cbam nonlocal nonlocalblock"),
    ("", NO_POINTS, "sample group sampling grouping farthestpointsample farthestpointsampling furthestpointsample fps "
     "ballquery samplegroup samplingandgrouping knn setabstraction"),
    ("", TRAINING, "loss crossentropy crossentropyloss softmaxloss softmaxwithloss mseloss bceloss nllloss accuracy "
     "optimizer sgd adam euclideanloss contrastiveloss hingeloss compile fit"),
    ("", NO_DETECTION, "yolo yololayer yolov3 region detection detect priorbox anchors nms detectionoutput ssd rpn"),
    ("", ORDER, "sequential seq modulelist moduledict module model functional graph layerlist sequentiallayer"),
    ("", "a spec has no outer code: a step that the language lacks needs an op of its own (`docs/adding_an_op.md`)",
     "lambda lambdalayer python custom customlayer pyfunc"),
    ("", "an input is declared at the top of the network: `input image: 3 x 224 x 224`", "inputlayer data placeholder "
     "imagedata dummydata"),
    ("", "weights are float32 in every spec; `.half()` and `.to(...)` change the module that comes out",
     "quantize dequantize quantstub dequantstub cast astype tohalf fakequantize"),
    ("", "the language does not look for the largest number: do it with what the network gives", "argmax topk argmin"),
)  # fmt: skip
"""Rows of: what to write, why, and the words of other tools for it."""

STEPS: Mapping[str, Meaning] = {word: Meaning(code, note) for code, note, words in _STEPS for word in words.split()}
"""The words for steps, as `folded` gives them, and what each means."""

_FUNCTIONS = (
    ("round_to(n, 8)", "", "makedivisible rounddivisible roundfilters roundchannels rounddown roundup roundwidth "
     "adjustchannels nearestdivisible divisible"),
    ("floor(n)", "", "int trunc truncate integer"),
    ("max(n, -n)", "", "abs absolute fabs"),
    ("a ^ b", "", "pow power"),
    ("a % b", "", "mod fmod modulo remainder"),
    ("a // b", "", "idiv floordiv intdiv floordivide"),
    ("len(xs)", "", "length count sizeof"),
    ("it.channels", "`it` is what flows in; `.height` and `.width` are its size, of a clip `.frames` too",
     "shape size getshape numchannels intshape"),
)  # fmt: skip

FUNCTIONS: Mapping[str, Meaning] = {
    word: Meaning(code, note) for code, note, words in _FUNCTIONS for word in words.split()
}
"""The same for functions of numbers."""


def _by_word(rows: tuple[tuple[str, str], ...]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for own, words in rows:
        for word in words.split():
            found[word] = (*found.get(word, ()), own)
    return found


_ARGUMENTS: tuple[tuple[str, str], ...] = (
    ("out", "outchannels outputchannels outchs filters units outfeatures outputdim outdim numoutput numfilters "
     "nfilters noutputplane channels planes features outplanes nout dimout outputs numfilter"),
    ("kernel", "kernelsize ksize filtersize poolsize kernelshape window windowsize size filter k ks kw kh f "
     "kernelh kernelw windowshape"),
    ("stride", "strides subsample step s strideh dw steps windowstrides"),
    ("padding", "pad pads border bordermode autopad paddingsize padsize padtype padding2d p padw padh"),
    ("dilation", "dilationrate dilations rate atrousrate atrous holes d rhsdilation"),
    ("groups", "group numgroups ngroups numgroup cardinality featuregroupcount"),
    ("bias", "usebias biasterm withbias hasbias addbias attnmask attnbias positionbias relposbias"),
    ("start", "initialstate hx h0 initstate hiddenstate"),
    ("eps", "epsilon varianceepsilon tolerance"),
    ("ceil", "ceilmode roundmode"),
    ("heads", "numheads nheads nhead numattentionheads attentionheads numhead"),
    ("windows", "window windowsize windowshape"),
    ("shift", "shiftsize"),
    ("causal", "iscausal masked"),
    ("relative", "relativepositionbias userelpos relpos"),
    ("include_padding", "countincludepad countpad"),
    ("p", "prob probability droprate dropoutratio dropprob rate dropout drop ratio dropoutrate"),
    ("factor", "scalefactor upscalefactor downscalefactor scale blocksize scales"),
    ("slope", "negativeslope alpha leak "),
    ("count", "numembeddings inputdim vocabsize vocab vocabulary numwords"),
    ("width", "embeddingdim embeddim embeddingsize hiddensize hiddendim units numunits memory"),
    ("layers", "numlayers nlayers"),
    ("bidirectional", "bidir birnn"),
    ("dropout", "dropoutrate droprate drop recurrentdropout"),
    ("multiplier", "depthmultiplier channelmultiplier"),
    ("sides", "padding pad pads paddings"),
    ("size", "outputsize newsize targetsize outsize outputshape localsize n"),
    ("affine", "elementwiseaffine learnable"),
    ("track", "trackrunningstats"),
    ("init", "kernelinitializer weightfiller initializer weightinit weightinitializer kernelinit"),
    ("parts", "numsplits sections chunks numorsizesplits splitsizeorsections"),
    ("mode", "interpolation method paddingmode"),
)  # fmt: skip

ARGUMENTS: Mapping[str, tuple[str, ...]] = _by_word(_ARGUMENTS)
"""The words for arguments, as `folded` gives them, and their names here. Several are possible: it depends on the op."""

_NO_ARGUMENTS = (
    ("leave it out: how much flows in is known and is not written", "inchannels infeatures inputdim inputshape "
     "inplanes nin ninputplane inputchannels inchs numfeatures inputfeatures normalizedshape numchannels numparameters "
     "inputsize batchinputshape dimin cin inc"),
    ("an activation is a step of its own: `-> relu`", "activation act actlayer nonlinearity activationfn "
     "activationlayer"),
    ("normalization is a step of its own: `-> bn`", "norm normlayer batchnorm batchnormalize bn usebn normalizer"),
    ("a step gets a name after it: `as stem`", "name scope layername id tag"),
    ("leave it out: the module that comes out works in place where that is safe", "inplace"),
    ("give a probability of dropping: `p=0.2` where 0.8 is kept", "keepprob keep survivalprob"),
    ("leave it out: a recurrent layer gives what it remembers at every position", "returnsequences"),
    ("write `gives=state`: the state after the last position is given instead of the sequence", "returnstate"),
    ("leave it out: channels come before the length in a spec, and the module that comes out is told `batch_first`",
     "batchfirst timemajor"),
    ("padding with anything but zeros is a step of its own before it: `pad(1, mode=reflect)`", "paddingmode"),
    ("leave it out: what is joined or normalized are always the channels, which come first", "axis dim dataformat "
     "channelaxis channelslast channelsfirst dimension axes layout"),
    ("what belongs to training is not part of a spec", "kernelregularizer weightdecay biasregularizer "
     "activityregularizer lrmult decaymult regularizer trainable kernelconstraint"),
    ("every weight is float32: `.half()` and `.to(...)` change the module that comes out", "dtype device"),
    ("write `bias=false`", "nobias withoutbias"),
    ("the bias begins at 0 wherever `init` is given", "biasinitializer biasfiller"),
)  # fmt: skip

NO_ARGUMENTS: Mapping[str, str] = {word: note for note, words in _NO_ARGUMENTS for word in words.split()}
"""The words for arguments that no op here has, as `folded` gives them, and what to do instead."""


def without_numbers(note: str) -> str:
    """What a note says of every call, where it explains the numbers of an example first."""
    return "; ".join(part for part in note.split("; ") if not any(map(str.isdigit, part)))


def step(word: str) -> Meaning | None:
    """What to write for a step or a block that another tool calls `word`; None if the word is unknown."""
    return STEPS.get(folded(word))


def function(word: str) -> Meaning | None:
    """The same for a function of numbers."""
    return FUNCTIONS.get(folded(word))


def argument(word: str, known: tuple[str, ...]) -> str | None:
    """What to do about an argument that another tool calls `word`, for an op whose arguments are `known`; else None."""
    key = folded(word)
    meant = [own for own in ARGUMENTS.get(key, ()) if own in known]
    if meant:
        return f"write `{meant[0]}`"
    return NO_ARGUMENTS.get(key)


# --- the page ------------------------------------------------------------------------------------

INTRODUCTION = """\
# Words of other tools

<!-- Generated by `make docs` from the table of words. -->

What PyTorch, Keras, TensorFlow, JAX, Caffe, darknet and papers call the steps and arguments of a network, and what is
written here. Capitals and underscores do not count: `Conv2d`, `conv_2d` and `CONV2D` are one word. The error for such
a word in a spec gives the same advice.
"""


BAR = "\\|"
"""How a `|` is written inside a Markdown table."""


def markdown() -> str:
    """The text of `docs/words.md`."""
    steps = _table("written here", "words", ((_here(code, note), words) for code, note, words in _STEPS))
    functions = _table("written here", "words", ((_here(code, note), words) for code, note, words in _FUNCTIONS))
    own = _table("written here", "words", ((f"`{name}`", words) for name, words in _ARGUMENTS))
    none = _table("instead", "words", _NO_ARGUMENTS)
    sections = (("Steps", steps), ("Functions of numbers", functions), ("Arguments", own), ("No arguments here", none))
    return "\n".join([INTRODUCTION, *(f"## {title}\n\n{rows}" for title, rows in sections)])


def _here(code: str, note: str) -> str:
    return ": ".join(part for part in (f"`{code}`" if code else "", note) if part)


def _table(left: str, right: str, rows: Iterable[tuple[str, str]]) -> str:
    lines = (f"| {here.replace('|', BAR)} | {', '.join(sorted(words.split()))} |" for here, words in rows)
    return "\n".join([f"| {left} | {right} |", "| --- | --- |", *lines, ""])
